// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// receiverFlags are the flags of `create receiver`.
type receiverFlags struct {
	receiverType string
	secretRef    string
	events       []string
	resources    []string
	interval     time.Duration
}

func (v *verb) receiver() *cobra.Command {
	f := &receiverFlags{}
	cmd := v.noun(kinds.Receiver(), cobra.Command{
		Use:   "receiver NAME",
		Short: "Create a receiver, a webhook that has repositories scanned at once",
		Example: `  tidemark create receiver harbor --type harbor --secret-ref webhook-token --resource ImageRepository/app

  # All image repositories of the namespace
  tidemark create receiver quay --type quay --secret-ref webhook-token --resource 'ImageRepository/*'`,
	}, f.build)
	flags := cmd.Flags()
	flags.StringVar(&f.receiverType, "type", "", "what calls: "+strings.Join(slices.Sorted(maps.Keys(receiverTypes())), ", "))
	flags.StringVar(&f.secretRef, "secret-ref", "", "secret whose key token proves the caller")
	flags.StringSliceVar(&f.events, "event", nil, "event that counts, in the caller's words; may be given several times, or several with commas (default: all)")
	flags.StringSliceVar(&f.resources, "resource", nil, "what is scanned, KIND/NAME; may be given several times, or several with commas")
	flags.DurationVar(&f.interval, "interval", 0, "how often the secret is looked at (default: 10m)")
	return cmd
}

// receiverTypes are the types by their spelling in manifests.
func receiverTypes() map[string]scannerv1.ReceiverType {
	all := map[string]scannerv1.ReceiverType{}
	values := scannerv1.ReceiverType(0).Descriptor().Values()
	for i := range values.Len() {
		spelling, ok := proto.GetExtension(values.Get(i).Options(), metav1.E_ManifestValue).(string)
		if ok && spelling != "" {
			all[spelling] = scannerv1.ReceiverType(values.Get(i).Number())
		}
	}
	return all
}

func (f *receiverFlags) build(metadata *metav1.ObjectMeta) (kinds.Object, error) {
	if f.receiverType == "" {
		return nil, errors.New("Receiver type is required (--type)") //nolint:staticcheck // Flux's sentence.
	}
	types := receiverTypes()
	if err := suggestion.Value("--type", f.receiverType, slices.Sorted(maps.Keys(types))...); err != nil {
		return nil, err
	}
	if f.secretRef == "" {
		return nil, errors.New("secret ref is required (--secret-ref)")
	}
	spec := &scannerv1.ReceiverSpec{Type: types[f.receiverType], Events: f.events}
	var err error
	if spec.SecretRef, err = reference("--secret-ref", f.secretRef); err != nil {
		return nil, err
	}
	if spec.Resources, err = f.targets(); err != nil {
		return nil, err
	}
	if f.interval != 0 {
		if spec.Interval, err = duration("--interval", f.interval); err != nil {
			return nil, err
		}
	}
	return &scannerv1.Receiver{Metadata: metadata, Spec: spec}, nil
}

// targets are what the receiver has scanned.
func (f *receiverFlags) targets() ([]*scannerv1.ReceiverResource, error) {
	if len(f.resources) == 0 {
		return nil, errors.New("at least one resource is required (--resource)")
	}
	acted := kinds.ImageRepository().Noun
	all := make([]*scannerv1.ReceiverResource, 0, len(f.resources))
	for _, word := range f.resources {
		kind, name, ok := strings.Cut(word, "/")
		if !ok || kind == "" || (name != "*" && !dnsName.MatchString(name)) {
			return nil, fmt.Errorf("invalid resource '%s', must be in format <kind>/<name>, for example %s/app", word, acted)
		}
		if near := suggestion.Nearest(kind, []string{acted}); near != "" && kind != near {
			return nil, fmt.Errorf("invalid resource '%s'; did you mean %s/%s?", word, near, name)
		}
		all = append(all, &scannerv1.ReceiverResource{Kind: kind, Name: name})
	}
	return all, nil
}
