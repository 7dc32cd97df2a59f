// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

const (
	maxDockerConfig  = 1 << 20 // bytes; a Kubernetes Secret can hold no more
	maxDockerEntries = 10_000
)

// ErrInvalidDockerConfig marks every error of DockerConfig. Messages name
// hosts, never credentials.
var ErrInvalidDockerConfig = errors.New("invalid docker config")

// dockerAuth is one entry of "auths".
type dockerAuth struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// dockerKeychain finds the entry whose host fits and whose path is longest.
type dockerKeychain struct {
	entries []dockerEntry // in the order in which they are tried
}

type dockerEntry struct {
	host, path string
	config     authn.AuthConfig
}

// DockerConfig reads a docker config.json (a Kubernetes .dockerconfigjson) of at
// most 1 MiB. A key of "auths" is a host, with or without scheme, "/v1/" and
// "/v2/", and possibly a path that limits it to the repositories below; the
// longest path wins, and a host written out wins over one with wildcards
// ("*.example.com", label by label). Every spelling of Docker Hub means Docker
// Hub. The keychain answers anonymous where nothing fits. Credential helpers
// are programs and not run. Errors are ErrInvalidDockerConfig.
func DockerConfig(config []byte) (authn.Keychain, error) {
	if len(config) > maxDockerConfig {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrInvalidDockerConfig, maxDockerConfig)
	}
	var file struct {
		Auths map[string]dockerAuth `json:"auths"`
	}
	if err := json.Unmarshal(config, &file); err != nil {
		// The decoder's message may quote the input.
		return nil, fmt.Errorf("%w: not JSON of the form {\"auths\": {…}}", ErrInvalidDockerConfig)
	}
	if file.Auths == nil {
		return nil, fmt.Errorf("%w: it has no \"auths\"", ErrInvalidDockerConfig)
	}
	if len(file.Auths) > maxDockerEntries {
		return nil, fmt.Errorf("%w: more than %d hosts", ErrInvalidDockerConfig, maxDockerEntries)
	}
	chain := &dockerKeychain{}
	for key, auth := range file.Auths {
		entry, err := newDockerEntry(key, auth)
		if err != nil {
			return nil, err
		}
		chain.entries = append(chain.entries, entry)
	}
	slices.SortFunc(chain.entries, compareDockerEntries)
	return chain, nil
}

// compareDockerEntries puts what is more precise first; the rest is ordered by
// name, so that a config has one meaning.
func compareDockerEntries(a, b dockerEntry) int {
	if wild := wildcards(a.host) - wildcards(b.host); wild != 0 {
		return wild
	}
	if longer := len(b.path) - len(a.path); longer != 0 {
		return longer
	}
	if byHost := strings.Compare(a.host, b.host); byHost != 0 {
		return byHost
	}
	if byPath := strings.Compare(a.path, b.path); byPath != 0 {
		return byPath
	}
	// Two spellings of one host: the same one wins every time.
	if byUser := strings.Compare(a.config.Username, b.config.Username); byUser != 0 {
		return byUser
	}
	return strings.Compare(a.config.Password, b.config.Password)
}

func wildcards(host string) int { return strings.Count(host, "*") }

func newDockerEntry(key string, auth dockerAuth) (dockerEntry, error) {
	host, scope := splitDockerKey(key)
	config := authn.AuthConfig{
		Username:      auth.Username,
		Password:      auth.Password,
		IdentityToken: auth.IdentityToken,
		RegistryToken: auth.RegistryToken,
	}
	if auth.Auth != "" {
		username, password, err := decodeDockerAuth(auth.Auth)
		if err != nil {
			return dockerEntry{}, fmt.Errorf("%w: host %q: %w", ErrInvalidDockerConfig, host, err)
		}
		config.Username, config.Password = username, password
	}
	if config.Username != "" && config.Password == "" {
		// A user without a password is sent in this form alone.
		config.Auth = base64.StdEncoding.EncodeToString([]byte(config.Username + ":"))
	}
	return dockerEntry{host: host, path: scope, config: config}, nil
}

// splitDockerKey takes a key of "auths" apart: host in lower case, and the
// path without slashes at its ends.
func splitDockerKey(key string) (host, scope string) {
	if _, rest, found := strings.Cut(key, "://"); found {
		key = rest
	}
	host, scope, _ = strings.Cut(key, "/")
	// What would be a user name in a URL is none of the host's business.
	host = strings.ToLower(host[strings.LastIndexByte(host, '@')+1:])
	switch host {
	case "docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		host = name.DefaultRegistry
	}
	scope = strings.Trim(scope, "/")
	switch scope {
	case "v1", "v2":
		scope = ""
	}
	return host, scope
}

func decodeDockerAuth(auth string) (username, password string, err error) {
	compact := strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, auth)
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(compact, "="))
	if err != nil {
		return "", "", errors.New("\"auth\" is not base64")
	}
	username, password, found := strings.Cut(string(decoded), ":")
	if !found {
		return "", "", errors.New("\"auth\" is not base64 of username:password")
	}
	// Old docker clients padded with NUL.
	return username, strings.TrimRight(password, "\x00"), nil
}

// Resolve implements authn.Keychain; it never fails.
func (k *dockerKeychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	host := strings.ToLower(target.RegistryStr())
	repository := strings.TrimPrefix(strings.TrimPrefix(target.String(), target.RegistryStr()), "/")
	for _, entry := range k.entries {
		if matchesHost(entry.host, host) && covers(entry.path, repository) {
			if entry.config == (authn.AuthConfig{}) {
				return authn.Anonymous, nil
			}
			return authn.FromConfig(entry.config), nil
		}
	}
	return authn.Anonymous, nil
}

// covers tells whether a repository is the scope or lies below it.
func covers(scope, repository string) bool {
	return scope == "" || repository == scope || strings.HasPrefix(repository, scope+"/")
}

func matchesHost(pattern, host string) bool {
	if pattern == host {
		return true
	}
	if !strings.Contains(pattern, "*") {
		return false
	}
	patterns, labels := strings.Split(pattern, "."), strings.Split(host, ".")
	if len(patterns) != len(labels) {
		return false
	}
	for i := range patterns {
		if matched, err := path.Match(patterns[i], labels[i]); err != nil || !matched {
			return false
		}
	}
	return true
}
