// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"time"

	"github.com/spf13/cobra"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// imageRepositoryFlags are the flags of `create image repository`.
type imageRepositoryFlags struct {
	image       string
	secretRef   string
	interval    time.Duration
	scanTimeout time.Duration
	insecure    bool
	certRef     string
	proxyRef    string
	provider    string
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
	flags.StringVar(&f.certRef, "cert-ref", "", "secret with certificates: ca.crt, and tls.crt with tls.key")
	flags.StringVar(&f.proxyRef, "proxy-secret-ref", "", "secret with a proxy: address, and username with password")
	flags.StringVar(&f.provider, "provider", "", "where the credential comes from: generic (the secret), aws, azure or gcp")
	return cmd
}

func (f *imageRepositoryFlags) build(metadata *metav1.ObjectMeta) (kinds.Object, error) {
	if err := checkImage(f.image); err != nil {
		return nil, err
	}
	spec := &scannerv1.ImageRepositorySpec{Image: f.image, Insecure: f.insecure}
	if err := f.secrets(spec); err != nil {
		return nil, err
	}
	var err error
	if spec.Interval, err = duration("--interval", f.interval); err != nil {
		return nil, err
	}
	if spec.Timeout, err = timeout("--scan-timeout", f.scanTimeout); err != nil {
		return nil, err
	}
	return &scannerv1.ImageRepository{Metadata: metadata, Spec: spec}, nil
}

// secrets sets what the registry is told, and through what.
func (f *imageRepositoryFlags) secrets(spec *scannerv1.ImageRepositorySpec) error {
	var err error
	if spec.SecretRef, err = reference("--secret-ref", f.secretRef); err != nil {
		return err
	}
	if spec.CertSecretRef, err = reference("--cert-ref", f.certRef); err != nil {
		return err
	}
	if spec.ProxySecretRef, err = reference("--proxy-secret-ref", f.proxyRef); err != nil {
		return err
	}
	switch f.provider {
	case "":
	case "generic":
		spec.Provider = scannerv1.Provider_PROVIDER_GENERIC
	case "aws":
		spec.Provider = scannerv1.Provider_PROVIDER_AWS
	case "azure":
		spec.Provider = scannerv1.Provider_PROVIDER_AZURE
	case "gcp":
		spec.Provider = scannerv1.Provider_PROVIDER_GCP
	default:
		return suggestion.Value("--provider", f.provider, "generic", "aws", "azure", "gcp")
	}
	return nil
}
