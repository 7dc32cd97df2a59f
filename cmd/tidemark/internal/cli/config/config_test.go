// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const whole = `current-context: production
contexts:
  production:
    server: tidemark.example.com:9000
    tls:
      ca-file: ca.pem
      cert-file: /etc/tidemark/cert.pem
      key-file: /etc/tidemark/key.pem
      server-name: tidemark
    token:
      command: [print-token, --secret, hunter2]
      timeout: 5s
    namespace: apps
  split:
    servers: {scanner: "a:1", resolver: "b:2", updater: "c:3"}
    tls: {insecure: true}
    token: {file: token}
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadReadsAllThatTheFileSays(t *testing.T) {
	path := write(t, whole)
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(path)
	want := &File{Path: path, Current: "production", Contexts: map[string]*Context{
		"production": {
			Server: "tidemark.example.com:9000", Namespace: "apps",
			TLS: TLS{
				CAFile: filepath.Join(folder, "ca.pem"), CertFile: "/etc/tidemark/cert.pem", KeyFile: "/etc/tidemark/key.pem", ServerName: "tidemark",
			},
			Token: &Token{Command: []string{"print-token", "--secret", "hunter2"}, Timeout: 5 * time.Second},
		},
		"split": {
			Servers: map[string]string{"scanner": "a:1", "resolver": "b:2", "updater": "c:3"}, TLS: TLS{Insecure: true},
			Token: &Token{File: filepath.Join(folder, "token")},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSaveKeepsAllAndIsReadByNobodyElse(t *testing.T) {
	file, err := Load(write(t, whole))
	if err != nil {
		t.Fatal(err)
	}
	file.Path = filepath.Join(t.TempDir(), "new", "folder", "config.yaml")
	for range 2 { // a new file, then one in place of another
		if err := file.Save(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(file.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(file.Path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
	again, err := Load(file.Path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(file, again); diff != "" {
		t.Error(diff)
	}
}

func TestSaveKeepsALinkOne(t *testing.T) {
	target := write(t, "")
	link := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	file := &File{Path: link, Contexts: map[string]*Context{"a": {Server: "a:1"}}}
	if err := file.Save(); err != nil {
		t.Fatal(err)
	}
	if at, err := os.Readlink(link); err != nil || at != target {
		t.Errorf("the link is %q, %v", at, err)
	}
	if again, err := Load(target); err != nil || again.Contexts["a"] == nil {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestRedactedTextHasNoArgumentsOfCommands(t *testing.T) {
	file, err := Load(write(t, whole))
	if err != nil {
		t.Fatal(err)
	}
	text, err := file.Text(true)
	if err != nil || strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "command: [print-token, REDACTED]") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestLoadSaysWhereWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"an unknown key":         {"contexts: {a: {serverr: x}}", `:1:16: unknown key "serverr"; there is namespace, server, servers, tls, token`},
		"an unknown key above":   {"\ncontext: a", `:2:1: unknown key "context"; there is contexts, current-context`},
		"a key twice":            {"contexts:\n  a: {}\n  a: {}", ":3:3: a is already set in line 2"},
		"another type":           {"contexts: {a: {server: [x]}}", ":1:24: a text is wanted; put it into quotes"},
		"a number":               {"contexts: {a: {namespace: 7}}", ":1:27: a text is wanted; put it into quotes"},
		"no mapping":             {"- a", ":1:1: a mapping is wanted"},
		"no such context":        {"current-context: b\ncontexts: {a: {}}", `:1:18: current-context: there is no context "b"`},
		"half a key pair":        {"contexts: {a: {tls: {cert-file: x}}}", ":1:21: a client certificate and its key go together: cert-file and key-file"},
		"plaintext with a CA":    {"contexts: {a: {tls: {insecure: true, ca-file: x}}}", ":1:21: with insecure no TLS is spoken: leave out the rest of tls"},
		"two tokens":             {"contexts: {a: {token: {file: x, command: [y]}}}", ":1:23: a token comes from a file or from a command, not from both"},
		"no token":               {"contexts: {a: {token: {}}}", ":1:23: a token comes from a file or from a command; neither is named"},
		"a command for a shell":  {"contexts: {a: {token: {command: print token}}}", ":1:33: a list is wanted: the program, then each of its arguments"},
		"a command for ever":     {"contexts: {a: {token: {command: [x], timeout: 24h}}}", ":1:47: a duration up to 2m0s is wanted, for example 10s"},
		"a name with a space":    {"contexts: {'a b': {}}", `:1:12: a context's name is a word of printable ASCII without quotes, not "a b"`},
		"an alias":               {"contexts: {a: &x {}, b: *x}", ":1:15: anchors and aliases are not read here"},
		"a merge":                {"contexts: {a: {<<: {}}}", ":1:16: a plain key is wanted"},
		"a second document":      {"contexts: {}\n---\ncontexts: {}", ":2:1: one document is wanted, and a second begins"},
		"what is no YAML at all": {"a: [", ": yaml: line 1: did not find expected node content"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, c.text)
			_, err := Load(path)
			if err == nil || err.Error() != path+c.want {
				t.Errorf("error %v, want %s", err, path+c.want)
			}
		})
	}
}

func TestFilesThatAreNotThereAreEmpty(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "none"), write(t, ""), write(t, "# nothing\n")} {
		if file, err := Load(path); err != nil || len(file.Contexts) > 0 {
			t.Errorf("%q: %+v, %v", path, file, err)
		}
	}
}

func TestFileThatOthersMayWriteIsRefused(t *testing.T) {
	path := write(t, whole)
	if err := os.Chmod(path, 0o620); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "others may write to it") {
		t.Errorf("error %v", err)
	}
}

func TestPathIsWhereTheEnvironmentSays(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"its own variable": {map[string]string{"TIDEMARK_CONTEXTS": "/x", "XDG_CONFIG_HOME": "/y", "HOME": "/z"}, "/x"},
		"XDG":              {map[string]string{"XDG_CONFIG_HOME": "/y", "HOME": "/z"}, "/y/tidemark/config.yaml"},
		"a relative XDG":   {map[string]string{"XDG_CONFIG_HOME": "y", "HOME": "/z"}, "/z/.config/tidemark/config.yaml"},
		"the home":         {map[string]string{"HOME": "/z"}, "/z/.config/tidemark/config.yaml"},
		"no home":          {nil, ""},
	} {
		if got := Path(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTokenComesFromAFileOrACommand(t *testing.T) {
	for name, c := range map[string]struct {
		token *Token
		want  string
		err   string
	}{
		"a file":                {token: &Token{File: write(t, " abc.def\n")}, want: "abc.def"},
		"a command":             {token: &Token{Command: []string{"printf", "%s", "a.b;$HOME"}}, want: "a.b;$HOME"}, // no shell
		"an empty file":         {token: &Token{File: write(t, "\n")}, err: "it is empty"},
		"two lines":             {token: &Token{File: write(t, "secret\nsecret")}, err: "it is no token"},
		"a very long one":       {token: &Token{Command: []string{"head", "-c", "100000", "/dev/zero"}}, err: "it is longer than 16384 bytes"},
		"a command that fails":  {token: &Token{Command: []string{"sh", "-c", "echo secret; echo log in first >&2; exit 3"}}, err: "exit status 3: log in first"},
		"no such command":       {token: &Token{Command: []string{"/nowhere/x"}}, err: "no such file"},
		"a command that hangs":  {token: &Token{Command: []string{"sleep", "60"}, Timeout: 50 * time.Millisecond}, err: "it printed none within 50ms"},
		"a child that holds on": {token: &Token{Command: []string{"sh", "-c", "sleep 5 & echo token"}}, want: "token"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.token.Read(t.Context())
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error has the token: %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&Token{Command: []string{"sleep", "60"}}).Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(whole)
	f.Add("contexts: {a: {tls: {cert-file: x}}}")
	f.Add("&a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		path := write(t, text)
		file, err := Load(path)
		if err != nil {
			return
		}
		if _, err := file.Text(false); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
		if err := file.Save(); err != nil {
			t.Fatalf("what was read cannot be saved: %v", err)
		}
		again, err := Load(path)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if _, err := again.Context(""); err != nil {
			t.Error(err)
		}
	})
}
