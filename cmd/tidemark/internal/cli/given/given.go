// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package given reads the manifests that -f names, and finds the stored objects that they no longer have. What is wrong with
// a document is told with its place, and keeps no other from being read.
package given

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// stdin is the name of standard input after -f.
const stdin = "-"

// Flags are the flags' values.
type Flags struct {
	files     []string
	namespace string
}

// Add adds the flags.
func (f *Flags) Add(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "file, folder, or - for standard input; may be given several times")
	flags.StringVarP(&f.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the objects that name none")
}

// NoArgs refuses words that are no flag's value, as a shell leaves them where `-f *.yaml` names several files.
func NoArgs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("one file to each -f: write -f %s, or name the folder", args[0])
}

// Stdin says whether the manifests come from standard input, so that nobody can be asked there.
func (f *Flags) Stdin() bool { return slices.Contains(f.files, stdin) }

// Check refuses flags that name nothing, or standard input twice. verb is what is done with the manifests.
func (f *Flags) Check(verb string) error {
	if len(f.files) == 0 {
		return fmt.Errorf("nothing to %s: name a file, a folder or - with -f", verb)
	}
	if i := slices.Index(f.files, stdin); i >= 0 && slices.Contains(f.files[i+1:], stdin) {
		return errors.New("standard input can be read once: -f - is given twice")
	}
	return nil
}

// Manifests are what was read.
type Manifests struct {
	// Objects are in the order in which they are best applied: what is referred to comes first, else as they were given.
	Objects []*manifest.Object
	// Errors are the mistakes in documents, an object that is given twice among them.
	Errors []*manifest.Error
	// Unread says why a file or folder could not be read at all.
	Unread []error
	// Warnings are about what has no effect.
	Warnings []*manifest.Warning
	// Skipped counts the documents of other kinds.
	Skipped int

	sets []*manifest.Set
}

// Read reads all that is named. The error is one of the program's own.
func (f *Flags) Read(in io.Reader) (*Manifests, error) {
	codec, err := kinds.Codec()
	if err != nil {
		return nil, err
	}
	all := &Manifests{}
	for _, name := range f.files {
		set, err := f.load(codec, name, in)
		if err != nil {
			all.Unread = append(all.Unread, err)
			continue
		}
		all.add(set)
	}
	return all, all.sort()
}

func (f *Flags) load(codec *manifest.Codec, name string, in io.Reader) (*manifest.Set, error) {
	options := manifest.Options{Namespace: f.namespace}
	if name == stdin {
		return codec.Read("stdin", in, options)
	}
	return codec.Load(name, options)
}

func (m *Manifests) add(set *manifest.Set) {
	m.sets = append(m.sets, set)
	m.Errors = append(m.Errors, set.Errors...)
	m.Warnings = append(m.Warnings, set.Warnings...)
	for _, count := range set.Skipped {
		m.Skipped += count
	}
	for _, o := range set.Objects {
		first := slices.IndexFunc(m.Objects, func(other *manifest.Object) bool { return same(o, other) })
		if first < 0 {
			m.Objects = append(m.Objects, o)
			continue
		}
		at := m.Objects[first]
		m.Errors = append(m.Errors, o.Violation("metadata.name",
			fmt.Sprintf("this object is given twice; the first, %s:%d, counts", at.File, at.Line)))
	}
}

func same(a, b *manifest.Object) bool {
	return a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
}

// sort puts the objects into the order of their kinds.
func (m *Manifests) sort() error {
	order := map[string]int{}
	for i, kind := range kinds.All() {
		order[kind.Noun] = i
	}
	for _, o := range m.Objects {
		if _, ok := o.Message.(kinds.Object); !ok {
			return fmt.Errorf("%s is no object", o)
		}
	}
	slices.SortStableFunc(m.Objects, func(a, b *manifest.Object) int { return order[a.Kind] - order[b.Kind] })
	return nil
}

// Whole says whether everything that was named could be read.
func (m *Manifests) Whole() bool { return len(m.Errors) == 0 && len(m.Unread) == 0 }

// MayHold says whether an object was given, or could be in what could not be read.
func (m *Manifests) MayHold(kind, namespace, name string) bool {
	return len(m.Unread) > 0 || slices.ContainsFunc(m.sets, func(s *manifest.Set) bool { return s.MayHold(kind, namespace, name) })
}

// Empty is the error where nothing of the kinds was given, nor anything else went wrong.
func (m *Manifests) Empty(verb string) error {
	switch {
	case len(m.Objects) > 0 || !m.Whole():
		return nil
	case m.Skipped > 0:
		return fmt.Errorf("nothing to %s: what -f names holds other kinds only (documents: %d)", verb, m.Skipped)
	default:
		return fmt.Errorf("nothing to %s: no manifest in what -f names", verb)
	}
}

// Tell shows what could not be read, each mistake with its line and a caret, and what has no effect.
func (m *Manifests) Tell(progress terminal.Progress) {
	for _, err := range m.Unread {
		progress.Failure("%v", err)
	}
	for _, w := range m.Warnings {
		progress.Warning("%s", w)
	}
	for _, e := range m.Errors {
		Mistake(progress, e)
	}
}

// Mistake shows one with the line that it is about: only the first line carries the symbol, so that the caret stays under its
// place.
func Mistake(progress terminal.Progress, e *manifest.Error) {
	first, rest, more := strings.Cut(e.Detail(), "\n")
	progress.Failure("%s", first)
	if more {
		progress.Plain(rest)
	}
}
