// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// The keys of a GitHub App's secret. Of installation id and owner one is needed.
const (
	keyApp          = "githubAppID"
	keyInstallation = "githubAppInstallationID"
	keyOwner        = "githubAppInstallationOwner"
	keyPrivate      = "githubAppPrivateKey"
	keyBase         = "githubAppBaseURL"
)

// tokenUser is the name that GitHub wants beside a token.
const tokenUser = "x-access-token"

// app is a GitHub App's installation, and who gives its tokens.
type app struct {
	id           string
	installation string // empty: found by the owner
	owner        string
	base         string // of the API, without a slash at its end
	// guessed says that base is a server's root, so that the API may be below it.
	guessed bool
	// secret names where all this is from.
	secret object.Key
}

func isApp(s secret.Secret) bool { return len(s[keyApp]) > 0 || len(s[keyPrivate]) > 0 }

// github gives the remote a token of the App.
func (p *Pool) github(ctx context.Context, remote *gitrepo.Remote, r *updaterv1.GitRepository, own held) (gitrepo.Renewal, error) {
	if own.found == nil {
		return nil, fmt.Errorf("%w: GitRepository '%s' has the provider github and no spec.secretRef; name a secret with %s, %s and %s there",
			ErrSecret, object.KeyOfMeta(r.GetMetadata()), keyApp, keyInstallation, keyPrivate)
	}
	if isSSH(remote.URL) {
		return nil, own.wrap(errors.New("is a GitHub App's, whose tokens are for https URLs alone; use the repository's https URL"))
	}
	if err := certificates(remote, own.found); err != nil {
		return nil, own.wrap(err)
	}
	a, err := readApp(remote.URL, own)
	if err != nil {
		return nil, own.wrap(err)
	}
	name := digest(a.base, a.id, a.installation, a.owner, string(own.found[keyPrivate]))
	way := digest(name, string(remote.CA), string(remote.ClientCert), string(remote.ClientKey), address(remote.Proxy))
	network := *remote
	ask := func(ctx context.Context) (token, error) { // once an hour; to read the key takes longer than all else here
		client, err := tokenClient(network)
		if err != nil {
			return token{}, own.wrap(err)
		}
		private, err := privateKey(own.found[keyPrivate])
		if err != nil {
			return token{}, own.wrap(err)
		}
		return a.ask(ctx, client, private)
	}
	renew := func(ctx context.Context, refused string) (string, error) {
		return p.tokens.get(ctx, way, refused, ask)
	}
	password, err := renew(ctx, "")
	if err != nil {
		return nil, err
	}
	remote.Auth = gitrepo.Auth{Username: tokenUser, Password: password, Identity: "github-app " + name}
	return renew, nil
}

var (
	appID  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`) }) // GitHub takes the App's number and its client id
	number = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{1,20}$`) })
	login  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z_-]{1,100}$`) })
)

func readApp(remote string, h held) (app, error) {
	for _, key := range []string{keyApp, keyPrivate} {
		if len(h.found[key]) == 0 {
			return app{}, fmt.Errorf("has no %s, which the provider github needs", key)
		}
	}
	a := app{id: h.text(keyApp), installation: h.text(keyInstallation), owner: h.text(keyOwner), secret: h.key}
	switch {
	case a.installation == "" && a.owner == "":
		return app{}, fmt.Errorf("has no %s, which the provider github needs", keyInstallation)
	case !appID().MatchString(a.id):
		return app{}, fmt.Errorf("has in %s what is no App's number", keyApp)
	case a.installation != "" && !number().MatchString(a.installation):
		return app{}, fmt.Errorf("has in %s what is no installation's number", keyInstallation)
	case a.installation == "" && !login().MatchString(a.owner):
		return app{}, fmt.Errorf("has in %s what is no organization's or user's name", keyOwner)
	}
	return a, a.setBase(remote, h.text(keyBase))
}

// privateKey reads what GitHub hands out (PKCS #1) and what tools make of it (PKCS #8).
func privateKey(content []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("has in %s no key in PEM form; put the file there that GitHub made", keyPrivate)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if key, ok := key.(*rsa.PrivateKey); ok {
			return key, nil
		}
	}
	return nil, fmt.Errorf("has in %s no RSA private key that can be read; put the file there that GitHub made", keyPrivate)
}

// setBase finds the API: where the secret says, at github.com's, or below the server that the repository is on.
func (a *app) setBase(remote, given string) error {
	text := given
	if text == "" {
		text = remote
	}
	parsed, err := url.Parse(strings.TrimSpace(text))
	if err != nil || (parsed.Scheme != "https" && parsed.Scheme != "http") || parsed.Hostname() == "" || parsed.User != nil || parsed.RawQuery != "" {
		return fmt.Errorf("has in %s what is no http or https URL of an API, for example https://github.example.com/api/v3", keyBase)
	}
	host := strings.ToLower(parsed.Hostname())
	path := strings.TrimRight(parsed.EscapedPath(), "/")
	switch {
	case host == "github.com" || host == "www.github.com":
		a.base = "https://api.github.com"
	case given != "":
		a.base, a.guessed = parsed.Scheme+"://"+parsed.Host+path, path == ""
	case strings.HasSuffix(host, ".ghe.com"):
		a.base = parsed.Scheme + "://api." + parsed.Host
	default:
		a.base = parsed.Scheme + "://" + parsed.Host + "/api/v3"
	}
	return nil
}
