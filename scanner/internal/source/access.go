// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/scanner/internal/cloud"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

// The keys of secrets. The docker config's is that of a Kubernetes secret of type kubernetes.io/dockerconfigjson; what
// stands second is an older name that does as well.
const secretKey = ".dockerconfigjson" //nolint:gosec // a key's name, no credential

type keyNames [2]string

var (
	authorityKeys   = keyNames{"ca.crt", "caFile"}
	certificateKeys = keyNames{"tls.crt", "certFile"}
	keyKeys         = keyNames{"tls.key", "keyFile"}
)

// in finds the newer name before the older one.
func (k keyNames) in(found secret.Secret) (value []byte, name string) {
	for _, name := range k {
		if value, ok := found[name]; ok {
			return value, name
		}
	}
	return nil, k[0]
}

// Clouds gives cloud providers' credentials; *cloud.Credentials does.
type Clouds interface {
	Get(ctx context.Context, provider scannerv1.Provider, host string) (authn.AuthConfig, error)
	Forget(provider scannerv1.Provider, host string)
}

// options reads credentials, certificates and proxy anew each time, so that changed ones are used at once.
func (s *Source) options(
	ctx context.Context, repository *scannerv1.ImageRepository, name registry.CanonicalName,
) (registry.Options, error) {
	options := registry.Options{Insecure: repository.GetSpec().GetInsecure(), PageSize: s.PageSize}
	var err error
	if options.Network, err = s.network(ctx, repository); err != nil {
		return options, err
	}
	if provider := providerOf(repository); provider != scannerv1.Provider_PROVIDER_GENERIC {
		// No cloud's registry speaks plain HTTP: who answers there is somebody else.
		options.Insecure = false
		options.Keychain, err = s.cloudKeychain(ctx, provider, name)
		return options, err
	}
	options.Keychain, err = s.keychain(ctx, repository)
	return options, err
}

// providerOf is generic also where a secret takes the provider's place.
func providerOf(repository *scannerv1.ImageRepository) scannerv1.Provider {
	provider := repository.GetSpec().GetProvider()
	if provider == scannerv1.Provider_PROVIDER_UNSPECIFIED || repository.GetSpec().GetSecretRef() != nil {
		return scannerv1.Provider_PROVIDER_GENERIC
	}
	return provider
}

func providerName(provider scannerv1.Provider) string {
	return strings.ToLower(strings.TrimPrefix(provider.String(), "PROVIDER_"))
}

// fixed is a keychain for one registry.
type fixed authn.AuthConfig

// Resolve implements authn.Keychain.
func (f fixed) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig(f)), nil
}

func (s *Source) cloudKeychain(
	ctx context.Context, provider scannerv1.Provider, name registry.CanonicalName,
) (authn.Keychain, error) {
	if s.Clouds == nil {
		return nil, unusable(nil, "spec.provider is '%s', and this scanner asks no cloud", providerName(provider))
	}
	credential, err := s.Clouds.Get(ctx, provider, name.Registry())
	switch failure, known := errors.AsType[*cloud.Error](err); {
	case err == nil:
		return fixed(credential), nil
	case errors.Is(err, context.Canceled):
		return nil, fmt.Errorf("credentials of %s: %w", providerName(provider), err)
	case known:
		return nil, unusable(err, "spec.provider '%s': %s", providerName(provider), failure.Message)
	}
	return nil, unusable(err, "spec.provider '%s' gives no credential for registry %s; the log says why", providerName(provider), name.Registry())
}

func (s *Source) keychain(ctx context.Context, repository *scannerv1.ImageRepository) (authn.Keychain, error) {
	ref := repository.GetSpec().GetSecretRef()
	if ref == nil {
		return nil, nil
	}
	key, found, err := s.secret(ctx, repository, ref)
	if err != nil {
		return nil, err
	}
	config, ok := found[secretKey]
	if !ok {
		return nil, unusable(secret.ErrNotFound, "secret '%s' has no key '%s', which should hold a docker config", key, secretKey)
	}
	keychain, err := registry.DockerConfig(config)
	if err != nil {
		return nil, unusable(err, "key '%s' of secret '%s': %v", secretKey, key, err)
	}
	return keychain, nil
}

// network is nil where the repository has no certificates and no proxy of its own.
func (s *Source) network(ctx context.Context, repository *scannerv1.ImageRepository) (*registry.Network, error) {
	spec := repository.GetSpec()
	if spec.GetCertSecretRef() == nil && spec.GetProxySecretRef() == nil {
		return nil, nil
	}
	var config registry.NetworkConfig
	var err error
	if ref := spec.GetProxySecretRef(); ref != nil {
		if config.Proxy, err = s.proxy(ctx, repository, ref); err != nil {
			return nil, err
		}
	}
	ref := spec.GetCertSecretRef()
	if ref == nil {
		return registry.NewNetwork(config)
	}
	key, found, err := s.secret(ctx, repository, ref)
	if err != nil {
		return nil, err
	}
	var authorities, certificate, private string
	config.Authorities, authorities = authorityKeys.in(found)
	config.Certificate, certificate = certificateKeys.in(found)
	config.Key, private = keyKeys.in(found)
	switch hasCertificate, hasKey := len(config.Certificate) > 0, len(config.Key) > 0; {
	case hasCertificate && !hasKey:
		return nil, unusable(secret.ErrNotFound, "secret '%s' has a certificate as key '%s', and no '%s' to go with it", key, certificate, private)
	case hasKey && !hasCertificate:
		return nil, unusable(secret.ErrNotFound, "secret '%s' has the key '%s', and no certificate '%s' to go with it", key, private, certificate)
	case !hasCertificate && len(config.Authorities) == 0:
		return nil, unusable(secret.ErrNotFound, "secret '%s' has none of the keys '%s', '%s' and '%s'", key, authorities, certificate, private)
	}
	network, err := registry.NewNetwork(config)
	switch {
	case errors.Is(err, registry.ErrInvalidAuthorities):
		return nil, unusable(err, "key '%s' of secret '%s' holds no certificates in PEM form", authorities, key)
	case errors.Is(err, registry.ErrInvalidCertificate):
		return nil, unusable(err, "keys '%s' and '%s' of secret '%s' are no certificate and its private key in PEM form", certificate, private, key)
	}
	return network, err
}

func (s *Source) proxy(
	ctx context.Context, repository *scannerv1.ImageRepository, ref *metav1.LocalObjectReference,
) (*url.URL, error) {
	key, found, err := s.secret(ctx, repository, ref)
	if err != nil {
		return nil, err
	}
	address, ok := found["address"]
	if !ok {
		return nil, unusable(secret.ErrNotFound, "secret '%s' has no key 'address', which should hold a proxy's URL", key)
	}
	// Files end with a newline that nobody means.
	word := func(name string) string { return strings.TrimRight(string(found[name]), "\r\n") }
	proxy, err := registry.ParseProxy(string(address), word("username"), word("password"))
	if err != nil {
		return nil, unusable(err, "key 'address' of secret '%s' is no URL of a proxy: http://host:port, https://… or socks5://…, "+
			"with a username and password that it can carry", key)
	}
	return proxy, nil
}

// secret reads a secret of the repository's namespace.
func (s *Source) secret(
	ctx context.Context, repository *scannerv1.ImageRepository, ref *metav1.LocalObjectReference,
) (object.Key, secret.Secret, error) {
	key := object.KeyOf(repository.GetMetadata().GetNamespace(), ref.GetName())
	found, _, err := s.Secrets.Get(ctx, key.Namespace, key.Name)
	switch {
	case err == nil:
		return key, found, nil
	case errors.Is(err, context.Canceled):
		return key, nil, err
	case errors.Is(err, secret.ErrNotFound):
		return key, nil, unusable(err, "secret '%s' not found: it is looked for as the folder %s below --secrets-dir, "+
			"and among the v1/Secret manifests of `tidemark up`", key, key)
	}
	return key, nil, unusable(err, "secret '%s' cannot be read from the folder %s below --secrets-dir; the log says why", key, key)
}

// unusable is about what was to be shown to the registry, or to the proxy before it.
func unusable(cause error, format string, args ...any) error {
	return &Error{Reason: ReasonAuthenticationFailed, Sentence: fmt.Sprintf(format, args...), Cause: cause}
}
