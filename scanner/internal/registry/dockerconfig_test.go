// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

// user is who a config lets us be for an image.
func user(t *testing.T, config, image string) authn.AuthConfig {
	t.Helper()
	keychain, err := DockerConfig([]byte(config))
	if err != nil {
		t.Fatalf("%s: %v", config, err)
	}
	name, err := ParseImage(image)
	if err != nil {
		t.Fatal(err)
	}
	found, err := keychain.Resolve(name)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := found.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	return *auth
}

func TestDockerConfigFindsTheEntry(t *testing.T) {
	entry := func(key string) string { return `{"auths":{"` + key + `":{"username":"u","password":"p"}}}` }
	both := `{"auths":{"ghcr.io":{"username":"all","password":"p"},"ghcr.io/team":{"username":"team","password":"p"},
		"https://ghcr.io/team/app":{"username":"app","password":"p"},"*.azurecr.io":{"username":"wild","password":"p"},
		"a.azurecr.io":{"username":"a","password":"p"}}}`
	for _, test := range []struct{ name, config, image, want string }{
		{"a plain host", entry("ghcr.io"), "ghcr.io/a/b", "u"},
		{"a host with a scheme", entry("https://ghcr.io"), "ghcr.io/a/b", "u"},
		{"a host with /v2/", entry("http://ghcr.io/v2/"), "ghcr.io/a/b", "u"},
		{"a host with a port", entry("127.0.0.1:5000"), "127.0.0.1:5000/a", "u"},
		{"upper case", entry("GHCR.IO"), "ghcr.io/a", "u"},
		{"Docker Hub's key", entry("https://index.docker.io/v1/"), "alpine", "u"},
		{"docker.io", entry("docker.io"), "team/app", "u"},
		{"registry-1.docker.io", entry("registry-1.docker.io"), "alpine", "u"},
		{"another host", entry("ghcr.io"), "quay.io/a/b", ""},
		{"another port", entry("127.0.0.1:5000"), "127.0.0.1:5001/a", ""},
		{"the longest path", both, "ghcr.io/team/app", "app"},
		{"a path above", both, "ghcr.io/team/other", "team"},
		{"a path with the same beginning", both, "ghcr.io/teamwork/app", "all"},
		{"a wildcard", both, "b.azurecr.io/x", "wild"},
		{"a wildcard and the host itself", both, "a.azurecr.io/x", "a"},
		{"a wildcard stands for one label", both, "c.b.azurecr.io/x", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := user(t, test.config, test.image).Username; got != test.want {
				t.Errorf("user = %q, want %q", got, test.want)
			}
		})
	}
}

func TestDockerConfigReadsEachKindOfCredential(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("u:p:with:colons"))
	for name, test := range map[string]struct {
		entry string
		want  authn.AuthConfig
	}{
		"auth":           {`{"auth":"` + encoded + `"}`, authn.AuthConfig{Username: "u", Password: "p:with:colons"}},
		"auth unpadded":  {`{"auth":"` + strings.TrimRight(encoded, "=") + `\n"}`, authn.AuthConfig{Username: "u", Password: "p:with:colons"}},
		"auth wins":      {`{"auth":"` + encoded + `","username":"x","password":"y"}`, authn.AuthConfig{Username: "u", Password: "p:with:colons"}},
		"identity token": {`{"auth":"` + base64.StdEncoding.EncodeToString([]byte("u:")) + `","identitytoken":"t"}`, authn.AuthConfig{Username: "u", Auth: "dTo=", IdentityToken: "t"}},
		"registry token": {`{"registrytoken":"t"}`, authn.AuthConfig{RegistryToken: "t"}},
		"nothing":        {`{}`, authn.AuthConfig{}},
	} {
		if got := user(t, `{"auths":{"ghcr.io":`+test.entry+`}}`, "ghcr.io/a/b"); got != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDockerConfigErrorsNeverRepeatCredentials(t *testing.T) {
	for name, config := range map[string]string{
		"no JSON":         `hunter2`,
		"no auths":        `{"credsStore":"desktop"}`,
		"a list":          `{"auths":["hunter2"]}`,
		"no base64":       `{"auths":{"ghcr.io":{"auth":"hunter2!"}}}`,
		"no colon":        `{"auths":{"ghcr.io":{"auth":"aHVudGVyMg=="}}}`,
		"user in the key": `{"auths":{"https://u:hunter2@ghcr.io":{"auth":"!"}}}`,
		"too large":       `{"auths":{}}` + strings.Repeat(" ", maxDockerConfig),
	} {
		_, err := DockerConfig([]byte(config))
		if !errors.Is(err, ErrInvalidDockerConfig) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "aHVud") {
			t.Errorf("%s: the message tells the secret: %v", name, err)
		}
	}
}

func FuzzDockerConfig(f *testing.F) {
	f.Add([]byte(`{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"*.a/b":{"username":"u","password":"p"}}}`), "alpine")
	f.Add([]byte(`{"auths":{"[::1]:5/x":{"identitytoken":"t"}}}`), "[::1]:5/x/y")
	f.Fuzz(func(t *testing.T, config []byte, image string) {
		keychain, err := DockerConfig(config)
		if err != nil {
			return
		}
		if !json.Valid(config) {
			t.Fatal("what is not JSON was accepted")
		}
		name, err := ParseImage(image)
		if err != nil {
			return
		}
		if _, err := keychain.Resolve(name); err != nil {
			t.Errorf("Resolve: %v", err)
		}
	})
}
