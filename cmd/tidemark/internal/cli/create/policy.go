// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/selector"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// imagePolicyFlags are the flags of `create image policy`.
type imagePolicyFlags struct {
	selector      selector.Flags
	imageRef      string
	reflectDigest string
	interval      time.Duration
	minimumAge    time.Duration
	platforms     []string
	imageLabels   []string
}

func (v *verb) imagePolicy() *cobra.Command {
	f := &imagePolicyFlags{}
	cmd := v.noun(kinds.ImagePolicy(), cobra.Command{
		Use:   "policy NAME",
		Short: "Create an image policy, which selects one tag",
		Example: `  # The newest patch release of 5.0
  tidemark create image policy podinfo --image-ref podinfo --select-semver 5.0.x

  # Tags such as main-1f3a9c2-1722345678, the newest by their time
  tidemark create image policy app --image-ref app --select-numeric asc \
    --filter-regex '^main-[a-f0-9]+-(?P<ts>[0-9]+)$' --filter-extract '$ts'`,
	}, f.build)
	flags := cmd.Flags()
	flags.StringVar(&f.imageRef, "image-ref", "", "name of the image repository; NAMESPACE/NAME for one of another namespace")
	f.selector.Add(flags)
	flags.StringVar(&f.reflectDigest, "reflect-digest", "", "keep the selected tag's digest: Never, IfNotPresent or Always")
	flags.DurationVar(&f.interval, "interval", 0, "how often the digest is read again; with --reflect-digest Always only")
	flags.DurationVar(&f.minimumAge, "minimum-age", 0, "how long a tag must be known before it is selected (not Flux's)")
	flags.StringSliceVar(&f.platforms, "platform", nil, "platform that the tag must offer, for example linux/arm64 (not Flux's)")
	flags.StringSliceVar(&f.imageLabels, "image-label", nil, "label that the image must have, key=value (not Flux's)")
	return cmd
}

func (f *imagePolicyFlags) build(metadata *metav1.ObjectMeta) (kinds.Object, error) {
	ref, err := f.repository()
	if err != nil {
		return nil, err
	}
	choice, err := f.selector.Choice()
	if err != nil {
		return nil, err
	}
	if choice == nil {
		return nil, errors.New("a policy must be provided with either --select-semver, --select-alpha, --select-numeric or --select-latest")
	}
	filter, err := f.selector.Filter()
	if err != nil {
		return nil, err
	}
	spec := &resolverv1.ImagePolicySpec{ImageRepositoryRef: ref, Policy: choice, FilterTags: filter}
	if err := f.digest(spec); err != nil {
		return nil, err
	}
	if err := f.demands(spec); err != nil {
		return nil, err
	}
	return &resolverv1.ImagePolicy{Metadata: metadata, Spec: spec}, nil
}

func (f *imagePolicyFlags) repository() (*metav1.NamespacedObjectReference, error) {
	if f.imageRef == "" {
		return nil, errors.New("the name of an ImageRepository in the namespace is required (--image-ref)")
	}
	namespace, repository, ok := strings.Cut(f.imageRef, "/")
	if !ok {
		namespace, repository = "", f.imageRef
	}
	if !dnsName.MatchString(repository) || (ok && !dnsLabel.MatchString(namespace)) {
		return nil, fmt.Errorf("--image-ref '%s' is no name: NAME or NAMESPACE/NAME, lower-case letters, digits and '-'", f.imageRef)
	}
	return &metav1.NamespacedObjectReference{Namespace: namespace, Name: repository}, nil
}

// digest sets what --reflect-digest and --interval say.
func (f *imagePolicyFlags) digest(spec *resolverv1.ImagePolicySpec) error {
	switch f.reflectDigest {
	case "", "Never":
		// Never is the default, and said where it was asked for.
		if f.reflectDigest != "" {
			spec.DigestReflectionPolicy = resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_NEVER
		}
	case "IfNotPresent":
		spec.DigestReflectionPolicy = resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_IF_NOT_PRESENT
	case "Always":
		spec.DigestReflectionPolicy = resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS
		if f.interval < time.Second {
			return errors.New("--interval of at least 1s is required with --reflect-digest Always")
		}
		var err error
		spec.Interval, err = duration("--interval", f.interval)
		return err
	default:
		return suggestion.Value("--reflect-digest", f.reflectDigest, "Never", "IfNotPresent", "Always")
	}
	if f.interval != 0 {
		return errors.New("--interval can only be used with --reflect-digest Always")
	}
	return nil
}

var platform = regexp.MustCompile(`^[a-z0-9_.-]+/[a-z0-9_.-]+(/[a-z0-9_.-]+)?$`)

// demands sets what a tag must be beside the best; Flux has none of it.
func (f *imagePolicyFlags) demands(spec *resolverv1.ImagePolicySpec) error {
	if f.minimumAge != 0 {
		age, err := duration("--minimum-age", f.minimumAge)
		if err != nil {
			return err
		}
		spec.MinimumAge = &resolverv1.MinimumAge{Duration: age}
	}
	for _, word := range f.platforms {
		if !platform.MatchString(word) {
			return fmt.Errorf("--platform '%s' is no platform: OS/ARCHITECTURE, for example linux/arm64", word)
		}
		if !slices.Contains(spec.GetPlatforms(), word) {
			spec.Platforms = append(spec.Platforms, word)
		}
	}
	var err error
	spec.Labels, err = pairs("--image-label", f.imageLabels)
	return err
}
