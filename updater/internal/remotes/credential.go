// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/sshkey"
)

// What is missing from a secret, or does not go together; the secret's name stands before it.
var (
	errIdentity    = errors.New("has no identity and known_hosts, which an ssh URL needs")
	errCostly      = fmt.Errorf("has an identity that would take too long to decrypt: it asks for more than %d rounds; encrypt it anew with ssh-keygen -p -a 24", sshkey.MaxRounds)
	errNothing     = errors.New("has none of the keys username and password, bearerToken, ca.crt, or tls.crt and tls.key")
	errNoUsername  = errors.New("has a password and no username to go with it")
	errNoKey       = errors.New("has the certificate tls.crt and no tls.key to go with it")
	errNoCert      = errors.New("has the key tls.key and no certificate tls.crt to go with it")
	errNotProvider = errors.New("has the keys of a GitHub App; set spec.provider to github, or take those keys out")
)

// remote is the repository's URL with the credential of its secret and its proxy. A credential that passes has a renewal.
func (p *Pool) remote(ctx context.Context, r *updaterv1.GitRepository) (gitrepo.Remote, gitrepo.Renewal, error) {
	remote := gitrepo.Remote{URL: r.GetSpec().GetUrl()}
	own, err := p.read(ctx, r, "spec.secretRef", r.GetSpec().GetSecretRef())
	if err != nil {
		return remote, nil, err
	}
	through, err := p.read(ctx, r, "spec.proxySecretRef", r.GetSpec().GetProxySecretRef())
	if err != nil {
		return remote, nil, err
	}
	if through.found != nil {
		if remote.Proxy, err = proxy(remote.URL, through.found); err != nil {
			return remote, nil, through.wrap(err)
		}
	}
	switch r.GetSpec().GetProvider() {
	case updaterv1.GitProvider_GIT_PROVIDER_GITHUB:
		renew, err := p.github(ctx, &remote, r, own)
		return remote, renew, err
	case updaterv1.GitProvider_GIT_PROVIDER_AZURE, updaterv1.GitProvider_GIT_PROVIDER_AWS:
		return remote, nil, fmt.Errorf("%w: GitRepository '%s' has the provider %s, which needs the identity of a workload, and there is "+
			"none here; put a token into spec.secretRef as username and password or bearerToken, and leave spec.provider out",
			ErrSecret, object.KeyOfMeta(r.GetMetadata()), strings.ToLower(strings.TrimPrefix(r.GetSpec().GetProvider().String(), "GIT_PROVIDER_")))
	default:
	}
	if own.found == nil {
		return remote, nil, nil
	}
	return remote, nil, own.wrap(credential(&remote, own.found))
}

// held is a secret that was read; without one, found is nil.
type held struct {
	key   object.Key
	found secret.Secret
}

// wrap says which secret an error is about.
func (h held) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: secret '%s' %w", ErrSecret, h.key, err)
}

// text is a value without the line break that an editor left at its end.
func (h held) text(key string) string { return text(h.found, key) }

func text(s secret.Secret, key string) string { return string(bytes.TrimRight(s[key], "\r\n")) }

func (p *Pool) read(ctx context.Context, r *updaterv1.GitRepository, field string, ref *metav1.LocalObjectReference) (held, error) {
	if ref.GetName() == "" {
		return held{}, nil
	}
	owner := object.KeyOfMeta(r.GetMetadata())
	key := object.Key{Namespace: owner.Namespace, Name: ref.GetName()}
	found, version, err := p.secrets.Get(ctx, key.Namespace, key.Name)
	if ctx.Err() != nil {
		return held{}, ctx.Err()
	}
	p.note(r, key, versionOf(version, err))
	if errors.Is(err, secret.ErrNotFound) {
		return held{}, fmt.Errorf("%w: there is no secret '%s'; create it, or correct %s of GitRepository '%s'", ErrSecret, key, field, owner)
	}
	if err != nil {
		return held{}, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	return held{key: key, found: found}, nil
}

// credential takes the keys that the remote's scheme has use for.
func credential(remote *gitrepo.Remote, s secret.Secret) error {
	if isSSH(remote.URL) {
		remote.Auth = gitrepo.Auth{PrivateKey: s["identity"], KnownHosts: s["known_hosts"], Passphrase: text(s, "password")}
		if len(s["identity"]) == 0 || len(s["known_hosts"]) == 0 {
			return errIdentity
		}
		if sshkey.Costly(s["identity"]) {
			return errCostly
		}
		return nil
	}
	if err := certificates(remote, s); err != nil {
		return err
	}
	remote.Auth = gitrepo.Auth{Username: text(s, "username"), Password: text(s, "password"), BearerToken: text(s, "bearerToken")}
	switch auth := &remote.Auth; {
	case auth.BearerToken != "":
		auth.Username, auth.Password = "", ""
	case auth.Password != "" && auth.Username == "":
		return errNoUsername
	case auth.Username != "" || len(remote.CA) > 0 || len(remote.ClientCert) > 0:
	case isApp(s):
		return errNotProvider
	default:
		return errNothing
	}
	return nil
}

// certificates takes the authorities and the client's certificate. What is in them gitrepo checks.
func certificates(remote *gitrepo.Remote, s secret.Secret) error {
	remote.CA = first(s, "ca.crt", "caFile")
	remote.ClientCert, remote.ClientKey = first(s, "tls.crt", "certFile"), first(s, "tls.key", "keyFile")
	switch cert, key := len(remote.ClientCert) > 0, len(remote.ClientKey) > 0; {
	case cert && !key:
		return errNoKey
	case key && !cert:
		return errNoCert
	}
	return nil
}

func first(s secret.Secret, keys ...string) []byte {
	for _, key := range keys {
		if len(s[key]) > 0 {
			return s[key]
		}
	}
	return nil
}

func isSSH(url string) bool { return strings.HasPrefix(strings.ToLower(url), "ssh:") }
