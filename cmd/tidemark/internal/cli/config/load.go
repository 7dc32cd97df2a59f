// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	// maxFile bounds the file, in bytes.
	maxFile = 1 << 20
	// maxContexts bounds what it may name.
	maxContexts = 1000
	// maxTimeout bounds how long a command may take that is to print a token.
	maxTimeout = 2 * time.Minute
)

// Load reads the file at a path; one that is not there, or an empty path, is an empty File. Relative paths in it are
// relative to its folder.
//
// Errors name file, line and column. A file that others may write to is refused, as it names programs to run.
func Load(path string) (*File, error) {
	file := &File{Path: path, Contexts: map[string]*Context{}}
	if path == "" {
		return file, nil
	}
	text, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	if err != nil {
		return nil, err
	}
	r := reader{path: path, folder: filepath.Dir(path)}
	if err := r.file(text, file); err != nil {
		return nil, err
	}
	return file, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the person names the file
	if err != nil {
		return nil, fmt.Errorf("read the contexts: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the contexts: %w", err)
	}
	const othersWrite = 0o022
	if runtime.GOOS != "windows" && info.Mode().Perm()&othersWrite != 0 {
		return nil, fmt.Errorf("%s: others may write to it, and it names programs to run; see `chmod 600 %s`", path, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the contexts: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return text, nil
}

// reader reads the file's YAML: no key that it does not know, none twice, no value of another type.
type reader struct {
	path, folder string
}

func (r reader) wrong(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", r.path, n.Line, n.Column, fmt.Sprintf(format, args...))
}

func (r reader) file(text []byte, file *File) error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	if err := decoder.Decode(&more); err == nil {
		return r.wrong(&more, "one document is wanted, and a second begins")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil
	}
	var current *yaml.Node
	err := r.mapping(root, map[string]func(*yaml.Node) error{
		"current-context": func(n *yaml.Node) error { current = n; return r.text(n, &file.Current) },
		"contexts":        func(n *yaml.Node) error { return r.contexts(n, file) },
	})
	if err != nil {
		return err
	}
	if file.Current != "" && file.Contexts[file.Current] == nil {
		return r.wrong(current, "current-context: there is no context %q", file.Current)
	}
	return nil
}

func (r reader) contexts(n *yaml.Node, file *File) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if len(n.Content)/2 > maxContexts {
		return r.wrong(n, "there are more than %d contexts", maxContexts)
	}
	return r.each(n, func(key, value *yaml.Node) error {
		if err := CheckName(key.Value); err != nil {
			return r.wrong(key, "%v", err)
		}
		c := &Context{}
		file.Contexts[key.Value] = c
		return r.context(value, c)
	})
}

func (r reader) context(n *yaml.Node, c *Context) error {
	return r.mapping(n, map[string]func(*yaml.Node) error{
		"server":    func(n *yaml.Node) error { return r.text(n, &c.Server) },
		"servers":   func(n *yaml.Node) error { return r.servers(n, c) },
		"tls":       func(n *yaml.Node) error { return r.tls(n, &c.TLS) },
		"token":     func(n *yaml.Node) error { c.Token = &Token{}; return r.token(n, c.Token) },
		"namespace": func(n *yaml.Node) error { return r.text(n, &c.Namespace) },
	})
}

func (r reader) servers(n *yaml.Node, c *Context) error {
	c.Servers = map[string]string{}
	keys := map[string]func(*yaml.Node) error{}
	for _, service := range Services() {
		keys[service] = func(n *yaml.Node) error {
			var address string
			err := r.text(n, &address)
			c.Servers[service] = address
			return err
		}
	}
	return r.mapping(n, keys)
}

func (r reader) tls(n *yaml.Node, t *TLS) error {
	err := r.mapping(n, map[string]func(*yaml.Node) error{
		"ca-file":     func(n *yaml.Node) error { return r.filePath(n, &t.CAFile) },
		"cert-file":   func(n *yaml.Node) error { return r.filePath(n, &t.CertFile) },
		"key-file":    func(n *yaml.Node) error { return r.filePath(n, &t.KeyFile) },
		"server-name": func(n *yaml.Node) error { return r.text(n, &t.ServerName) },
		"insecure":    func(n *yaml.Node) error { return r.truth(n, &t.Insecure) },
	})
	if err == nil {
		if problem := t.check(); problem != "" {
			return r.wrong(n, "%s", problem)
		}
	}
	return err
}

func (r reader) token(n *yaml.Node, t *Token) error {
	err := r.mapping(n, map[string]func(*yaml.Node) error{
		"file":    func(n *yaml.Node) error { return r.filePath(n, &t.File) },
		"command": func(n *yaml.Node) error { return r.list(n, &t.Command) },
		"timeout": func(n *yaml.Node) error { return r.duration(n, &t.Timeout) },
	})
	if err == nil {
		if problem := t.check(); problem != "" {
			return r.wrong(n, "%s", problem)
		}
	}
	return err
}
