// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/platform/config"
)

// program is the common flags and three of its own.
type program struct {
	config.Common
	Scanner string
	Every   time.Duration
	Limit   int
}

func parse(t *testing.T, args ...string) (*program, *pflag.FlagSet) {
	t.Helper()
	var p program
	fs := pflag.NewFlagSet("program", pflag.ContinueOnError)
	p.AddFlags(fs, config.Common{Listen: "127.0.0.1:9002"})
	fs.StringVar(&p.Scanner, "scanner-address", "127.0.0.1:9001", "")
	fs.DurationVar(&p.Every, "every", time.Minute, "")
	fs.IntVar(&p.Limit, "limit", 1, "")
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &p, fs
}

func write(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFlagWinsOverEnvironmentOverFileOverDefault(t *testing.T) {
	file := write(t, `
listen: file:1
data-dir: file
log-level: file
etcd-endpoints: ["http://a,b:1", http://c:1]
insecure: true
every: 5s
limit: 7
`)
	t.Setenv("TIDEMARK_DATA_DIR", "environment")
	t.Setenv("TIDEMARK_LOG_LEVEL", "environment")
	t.Setenv("TIDEMARK_SCANNER_ADDRESS", "environment:1")
	t.Setenv("TIDEMARK_HTTP_LISTEN", "") // counts as not set
	p, fs := parse(t, "--log-level=flag", "--config", file)
	if err := config.Load(fs); err != nil {
		t.Fatal(err)
	}
	want := &program{
		Common: config.Common{
			Listen: "file:1", DataDir: "environment", LogLevel: "flag", LogFormat: "text", EtcdPrefix: "/tidemark",
			EtcdEndpoints: []string{"http://a,b:1", "http://c:1"}, Insecure: true,
		},
		Scanner: "environment:1", Every: 5 * time.Second, Limit: 7,
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultsAreTheProgramsOwn(t *testing.T) {
	p, fs := parse(t)
	if err := config.Load(fs); err != nil {
		t.Fatal(err)
	}
	if p.Listen != "127.0.0.1:9002" || p.DataDir != "data" || p.Insecure {
		t.Errorf("got %+v", p.Common)
	}
}

func TestFileAndListsComeFromTheEnvironmentToo(t *testing.T) {
	t.Setenv("TIDEMARK_CONFIG", write(t, "limit: 3\n"))
	t.Setenv("TIDEMARK_ETCD_ENDPOINTS", "a,b")
	t.Setenv("TIDEMARK_INSECURE", "true")
	p, fs := parse(t)
	if err := config.Load(fs); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, p.EtcdEndpoints); p.Limit != 3 || !p.Insecure || diff != "" {
		t.Errorf("got %+v", p)
	}
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"unknown key":         {"limit: 1\nlisten-on: x", `:2: unknown key "listen-on"`},
		"nearly a key":        {"lisen: x", `:1: unknown key "lisen" (did you mean "listen"?)`},
		"the file itself":     {"config: x", `:1: unknown key "config"`},
		"number for a string": {"listen: 9000", ":1: listen: a string is wanted"},
		"string for a number": {`limit: "1"`, ":1: limit: a whole number is wanted"},
		"string for a switch": {"insecure: 'true'", ":1: insecure: true or false is wanted"},
		"no such duration":    {"every: soon", `:1: "soon" is not a value for every`},
		"number for duration": {"every: 5", ":1: every: a duration such as 30s is wanted"},
		"string for a list":   {"etcd-endpoints: a", ":1: etcd-endpoints: a list of strings is wanted"},
		"list of lists":       {"etcd-endpoints: [[a]]", ":1: etcd-endpoints: a list of strings is wanted"},
		"mapping":             {"listen: {a: b}", ":1: listen: a string is wanted"},
		"nothing":             {"listen:", ":1: listen: a string is wanted"},
		"an alias":            {"data-dir: &a x\nlisten: *a", ":2: listen: a string is wanted"},
		"twice":               {"limit: 1\nlimit: 2", ":2: limit is already set in line 1"},
		"no mapping":          {"- a", "line 1: a mapping of flags' names to values is wanted"},
		"two documents":       {"limit: 1\n---\nlimit: 2", "line 2: one document is wanted, and a second begins"},
		"no YAML":             {"limit: [", "line 1: did not find"},
		"too large":           {strings.Repeat("#", 1<<20+1), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, fs := parse(t, "--config", write(t, c.content))
			if err := config.Load(fs); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "config.yaml") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAllMistakesAreReportedTogether(t *testing.T) {
	t.Setenv("TIDEMARK_INSECURE", "perhaps")
	_, fs := parse(t, "--config", write(t, "a: 1\nlimit: x\n"))
	err := config.Load(fs)
	for _, want := range []string{`TIDEMARK_INSECURE: "perhaps" is not a value for insecure`, `:1: unknown key "a"`, ":2: limit:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
}

func TestEmptyFileAndMissingFile(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n", "~\n"} {
		_, fs := parse(t, "--config", write(t, content))
		if err := config.Load(fs); err != nil {
			t.Errorf("%q: %v", content, err)
		}
	}
	_, fs := parse(t, "--config", filepath.Join(t.TempDir(), "none.yaml"))
	if err := config.Load(fs); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("got %v", err)
	}
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{"limit: 1", "a: &b [*b]", "? [x]: y", "? {a: b}\n: c", "<<: {listen: a}", "etcd-endpoints: [a, b]", "!!binary a: b", "- - -", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		_, fs := parse(t, "--config", write(t, content))
		_ = config.Load(fs) // it must only return
	})
}
