// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package config is the file of contexts: which servers a person asks, how they are trusted, and by which token the
// person is known to them. It reads, changes and writes the file, and has the commands that do. It connects to nothing: package
// connection does, and asks this one.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Environment variables.
const (
	// FileVariable names the file.
	FileVariable = "TIDEMARK_CONTEXTS"
	// ContextVariable names the context to use.
	ContextVariable = "TIDEMARK_CONTEXT"
)

// File is what the file says. The zero value is a file that is not there.
type File struct {
	// Path is where it is. Empty: there is no place for one.
	Path string
	// Current is the context that is used where nobody says another. Empty: none is.
	Current string
	// Contexts by their names.
	Contexts map[string]*Context
}

// Context is one way to reach the services.
type Context struct {
	// Server is the address of all services that Servers does not name. Empty: the default.
	Server string
	// Servers are the addresses of the services that are programs of their own, by `scanner`, `resolver` and `updater`.
	Servers map[string]string
	// TLS is how it is spoken.
	TLS TLS
	// Token is where the bearer token comes from; nil: none is sent.
	Token *Token
	// Namespace is the default one. Empty: flux-system.
	Namespace string
}

// TLS is a client's side of it: PEM files, by absolute paths.
type TLS struct {
	CAFile, CertFile, KeyFile string
	// ServerName is the name in the server's certificate. Empty: the address's host.
	ServerName string
	// Insecure speaks plaintext, also beyond loopback.
	Insecure bool
}

// Token says where a bearer token comes from: a file, or what a command prints.
type Token struct {
	// File holds it, and nothing else.
	File string
	// Command is a program and its arguments; no shell reads it.
	Command []string
	// Timeout bounds the command. Zero: 10 s.
	Timeout time.Duration
}

// Services are the words for a service in `servers`.
func Services() []string { return []string{"resolver", "scanner", "updater"} }

// Path is where the file is: what TIDEMARK_CONTEXTS says, else tidemark/config.yaml in XDG_CONFIG_HOME or ~/.config. Empty: there
// is no home.
func Path(getenv func(string) string) string {
	if path := getenv(FileVariable); path != "" {
		return path
	}
	folder := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(folder) { // the specification has relative ones ignored
		home := cmp.Or(getenv("HOME"), getenv("USERPROFILE"))
		if home == "" {
			return ""
		}
		folder = filepath.Join(home, ".config")
	}
	return filepath.Join(folder, "tidemark", "config.yaml")
}

// ErrNoContext says that a context is asked for that the file does not have.
var ErrNoContext = errors.New("no such context")

// Context is the context of a name; with an empty name the current one, and nil where there is none.
//
// Errors: ErrNoContext.
func (f *File) Context(name string) (*Context, error) {
	if name = cmp.Or(name, f.Current); name == "" {
		return nil, nil
	}
	if c := f.Contexts[name]; c != nil {
		return c, nil
	}
	if len(f.Contexts) == 0 {
		return nil, fmt.Errorf("%w as %q: %s has none; make one with `tidemark config set %s --server HOST:PORT`",
			ErrNoContext, name, cmp.Or(f.Path, "the configuration"), name)
	}
	return nil, fmt.Errorf("%w as %q in %s; there is %s", ErrNoContext, name, f.Path, strings.Join(f.Names(), ", "))
}

// Names are the contexts' names, sorted.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.Contexts))
	for name := range f.Contexts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
