// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// fileText and those below are the file as it is written.
type fileText struct {
	Current  string                 `yaml:"current-context,omitempty"`
	Contexts map[string]contextText `yaml:"contexts,omitempty"`
}

type contextText struct {
	Server    string            `yaml:"server,omitempty"`
	Servers   map[string]string `yaml:"servers,omitempty"`
	TLS       *tlsText          `yaml:"tls,omitempty"`
	Token     *tokenText        `yaml:"token,omitempty"`
	Namespace string            `yaml:"namespace,omitempty"`
}

type tlsText struct {
	CAFile     string `yaml:"ca-file,omitempty"`
	CertFile   string `yaml:"cert-file,omitempty"`
	KeyFile    string `yaml:"key-file,omitempty"`
	ServerName string `yaml:"server-name,omitempty"`
	Insecure   bool   `yaml:"insecure,omitempty"`
}

type tokenText struct {
	File    string   `yaml:"file,omitempty"`
	Command []string `yaml:"command,omitempty,flow"`
	Timeout string   `yaml:"timeout,omitempty"`
}

// Text is the file as YAML. Redacted, it does not say the arguments of commands, which may hold a secret.
func (f *File) Text(redacted bool) ([]byte, error) {
	text := fileText{Current: f.Current, Contexts: map[string]contextText{}}
	for name, c := range f.Contexts {
		text.Contexts[name] = c.text(redacted)
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(text); err != nil {
		return nil, fmt.Errorf("write the contexts: %w", err)
	}
	return b.Bytes(), nil
}

func (c *Context) text(redacted bool) contextText {
	text := contextText{Server: c.Server, Servers: c.Servers, Namespace: c.Namespace}
	if c.TLS != (TLS{}) {
		t := tlsText(c.TLS)
		text.TLS = &t
	}
	if c.Token == nil {
		return text
	}
	text.Token = &tokenText{File: c.Token.File, Command: c.Token.Command}
	if c.Token.Timeout != 0 {
		text.Token.Timeout = c.Token.Timeout.String()
	}
	if redacted && len(c.Token.Command) > 1 {
		text.Token.Command = []string{c.Token.Command[0], "REDACTED"}
	}
	return text
}

// Save writes the file so that a reader sees the old one or the new one, and nobody else reads either. Comments in the old one
// are lost.
func (f *File) Save() error {
	if f.Path == "" {
		return errors.New("there is no place for the contexts: set HOME or TIDEMARK_CONTEXTS")
	}
	for _, name := range f.Names() {
		if problem := f.Contexts[name].check(); problem != "" {
			return fmt.Errorf("context %s: %s", name, problem)
		}
	}
	text, err := f.Text(false)
	if err != nil {
		return err
	}
	path := f.Path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the link stays one
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the contexts: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	if err := replace(path, text); err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	return nil
}

// replace writes a file beside the path, of mode 0600 as CreateTemp makes them, and puts it in its place.
func replace(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".config-*.yaml")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
