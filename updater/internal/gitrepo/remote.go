// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// Remote is a repository and how to reach it.
type Remote struct {
	// URL is http, https or ssh (also git@host:path). A user and password in it are used when Auth has none.
	URL string
	// Auth is the credential; the zero value is anonymous.
	Auth Auth
	// CA is PEM of certificate authorities trusted beside the system's, over https.
	CA []byte
	// ClientCert and ClientKey are PEM for mutual TLS; both or neither.
	ClientCert, ClientKey []byte
	// Proxy is used for http and https instead of what the environment says; nil: the environment. Its scheme is
	// http, https or socks5 (socks5h is the same: the proxy looks names up); it may have a user and password.
	Proxy *url.URL
}

// Auth is a credential. Over HTTP either Username and Password or BearerToken, over SSH Identity's key with
// KnownHosts.
type Auth struct {
	Username, Password string
	BearerToken        string
	// PrivateKey is an SSH private key (PEM), Passphrase what it is encrypted with, KnownHosts the content of
	// a known_hosts file, which is mandatory.
	PrivateKey, KnownHosts []byte
	Passphrase             string
	// Identity tells credentials apart where the secret itself changes all the time (a GitHub App's token).
	// Empty: the credential is its own identity.
	Identity string
}

// identity is a name for the credential under which a cache is kept: equal for equal credentials only.
func (a Auth) identity() string {
	if a.Identity != "" {
		return "named\x00" + a.Identity
	}
	return strings.Join([]string{
		a.Username, a.Password, a.BearerToken, string(a.PrivateKey), a.Passphrase, string(a.KnownHosts),
	}, "\x00")
}

// scrub removes the credentials, also the proxy's, from a text that came from outside. Very short secrets would
// be found in ordinary words; they are left.
func (r Remote) scrub(text string) string {
	ofProxy := ""
	if r.Proxy != nil {
		ofProxy, _ = r.Proxy.User.Password()
	}
	for _, secret := range []string{r.Auth.Password, r.Auth.BearerToken, r.Auth.Passphrase, ofProxy} {
		if len(secret) < 4 {
			continue
		}
		text = strings.ReplaceAll(text, secret, "***")
		text = strings.ReplaceAll(text, url.QueryEscape(secret), "***")
		text = strings.ReplaceAll(text, url.PathEscape(secret), "***")
	}
	return text
}

// key names the cache of a remote: what would be fetched and with whose rights.
func (r Remote) key() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{
		"1", Redact(r.URL), r.Auth.identity(), string(r.ClientCert), string(r.ClientKey),
	}, "\x01")))
	return hex.EncodeToString(sum[:16])
}

// normal checks the remote and moves a credential out of the URL.
func (r Remote) normal() (Remote, error) {
	if strings.ContainsAny(r.URL, "\x00\r\n\t ") {
		return r, newError("open", r, ErrURL, "it has spaces or control characters", nil)
	}
	if rest, found := scpLike(r.URL); found {
		r.URL = rest
	}
	parsed, err := url.Parse(r.URL)
	if err != nil {
		return r, newError("open", r, ErrURL, "it cannot be parsed", nil)
	}
	switch parsed.Scheme {
	case "http", "https":
		if user := parsed.User; user != nil && r.Auth.Username == "" && r.Auth.BearerToken == "" {
			r.Auth.Username = user.Username()
			r.Auth.Password, _ = user.Password()
		}
		parsed.User = nil
	case "ssh":
		if _, given := parsed.User.Password(); given {
			return r, newError("open", r, ErrURL, "a password in an ssh URL is of no use: give a key", nil)
		}
	default:
		return r, newError("open", r, ErrURL, "its scheme is not http, https or ssh", nil)
	}
	if parsed.Hostname() == "" || strings.HasPrefix(parsed.Hostname(), "-") {
		return r, newError("open", r, ErrURL, "it has no host", nil)
	}
	if strings.Trim(parsed.Path, "/") == "" || strings.HasPrefix(parsed.Path, "/-") {
		return r, newError("open", r, ErrURL, "it has no path", nil)
	}
	if parsed.RawQuery != "" || parsed.Fragment != "" {
		return r, newError("open", r, ErrURL, "it has a query or a fragment", nil)
	}
	r.URL = parsed.String()
	return r, r.checkProxy(parsed.Scheme)
}

// checkProxy refuses a proxy that cannot be used, rather than go around it.
func (r Remote) checkProxy(scheme string) error {
	switch {
	case r.Proxy == nil:
		return nil
	case scheme == "ssh":
		return newError("open", r, ErrProxy, "it applies to http and https, not to ssh: take proxySecretRef away or use the https URL", nil)
	case r.Proxy.Hostname() == "":
		return newError("open", r, ErrProxy, "its address has no host", nil)
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, r.Proxy.Scheme):
		return newError("open", r, ErrProxy, "the scheme of its address is not http, https or socks5", nil)
	}
	return nil
}

// scpLike turns user@host:path into a URL.
func scpLike(text string) (string, bool) {
	if strings.Contains(text, "://") {
		return "", false
	}
	host, path, found := strings.Cut(text, ":")
	if !found || host == "" || strings.Contains(host, "/") || !strings.Contains(host, "@") {
		return "", false
	}
	return "ssh://" + host + "/" + strings.TrimPrefix(path, "/"), true
}

// Redact is a URL without its password, and without its user too unless it is an SSH URL. What cannot be
// parsed is cut down to nothing that could be secret.
func Redact(text string) string {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" {
		if at := strings.LastIndex(text, "@"); at >= 0 {
			return "…" + text[at:]
		}
		return text
	}
	if parsed.Scheme == "ssh" && parsed.User != nil {
		parsed.User = url.User(parsed.User.Username())
	} else {
		parsed.User = nil
	}
	return parsed.String()
}
