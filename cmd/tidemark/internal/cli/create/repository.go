// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// imageRepositoryFlags are the flags of `create image repository`.
type imageRepositoryFlags struct {
	image       string
	secretRef   string
	interval    time.Duration
	scanTimeout time.Duration
	insecure    bool
}

func (v *verb) imageRepository() *cobra.Command {
	f := &imageRepositoryFlags{}
	cmd := v.noun(kinds.ImageRepository(), cobra.Command{
		Use:   "repository NAME",
		Short: "Create an image repository, whose tags are scanned",
		Example: `  # A public image
  tidemark create image repository podinfo --image ghcr.io/stefanprodan/podinfo --interval 5m

  # A private one, with the credentials of the secret regcred
  tidemark create image repository app --image registry.example.com/app --secret-ref regcred`,
	}, f.build)
	flags := cmd.Flags()
	flags.StringVar(&f.image, "image", "", "image to scan, without scheme, tag and digest, for example ghcr.io/stefanprodan/podinfo")
	flags.StringVar(&f.secretRef, "secret-ref", "", "secret with the registry's credentials")
	flags.DurationVar(&f.interval, "interval", time.Minute, "time between two scans; 0s for none")
	flags.DurationVar(&f.scanTimeout, "scan-timeout", 0, "how long a scan may take (default: the interval)")
	flags.BoolVar(&f.insecure, "insecure-registry", false, "talk to the registry over plain HTTP")
	unsupported(flags, "cert-ref", "private certificate authorities and client certificates are not acted on yet")
	return cmd
}

func (f *imageRepositoryFlags) build(metadata *metav1.ObjectMeta) (kinds.Object, error) {
	if err := checkImage(f.image); err != nil {
		return nil, err
	}
	secretRef, err := reference("--secret-ref", f.secretRef)
	if err != nil {
		return nil, err
	}
	interval, err := duration("--interval", f.interval)
	if err != nil {
		return nil, err
	}
	spec := &scannerv1.ImageRepositorySpec{Image: f.image, Interval: interval, SecretRef: secretRef, Insecure: f.insecure}
	if f.scanTimeout != 0 {
		if spec.Timeout, err = duration("--scan-timeout", f.scanTimeout); err != nil {
			return nil, err
		}
	}
	return &scannerv1.ImageRepository{Metadata: metadata, Spec: spec}, nil
}

var scheme = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.-]*)://`)

// checkImage says what the scanner would say of an image that is no bare name.
func checkImage(image string) error {
	if image == "" {
		return errors.New("an image repository (--image) is required")
	}
	if s := scheme.FindStringSubmatch(image); s != nil {
		return fmt.Errorf("--image: image '%s' should not include URL scheme; remove '%s://'", image, s[1])
	}
	bare, digest, ok := strings.Cut(image, "@")
	if ok {
		return fmt.Errorf("--image: image '%s' should not include a digest; remove '@%s'", image, digest)
	}
	// A colon before the last slash is a registry's port.
	if colon := strings.LastIndexByte(bare, ':'); colon > strings.LastIndexByte(bare, '/') {
		return fmt.Errorf("--image: image '%s' should not include a tag; remove '%s'", image, bare[colon:])
	}
	if _, err := name.NewRepository(image); err != nil {
		return fmt.Errorf("unable to parse image value: %w", err)
	}
	return nil
}
