// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package chosen finds the stored objects that a command's words and flags mean: by name, all of a namespace, or by labels.
// What is done with them is the verb's.
package chosen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Flags are the flags' values.
type Flags struct {
	// Namespace of the objects. Empty where AllNamespaces is set.
	Namespace     string
	LabelSelector string
	All           bool
	AllNamespaces bool
}

// Add adds the flags; verb is what is done with the objects, for the help.
func (f *Flags) Add(flags *pflag.FlagSet, verb string) {
	flags.StringVarP(&f.Namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the objects")
	flags.StringVarP(&f.LabelSelector, "label-selector", "l", "", verb+" the objects with these labels, for example app=web,tier!=test")
	flags.BoolVar(&f.All, "all", false, verb+" all objects of the namespace")
}

// Check refuses flags that contradict one another, and names beside them. missing is the error where nothing says which
// objects are meant.
func (f *Flags) Check(names []string, missing error) error {
	switch {
	case f.Namespace == "":
		return errors.New("--namespace is empty")
	case len(names) > 0 && (f.All || f.AllNamespaces || f.LabelSelector != ""):
		return errors.New("give names, or --all, or --label-selector, but not names and one of the others")
	case f.All && f.LabelSelector != "":
		return errors.New("--all and --label-selector exclude each other")
	case len(names) == 0 && !f.All && !f.AllNamespaces && f.LabelSelector == "":
		return missing
	}
	return nil
}

// Object is one that was found, and where its service is.
type Object struct {
	kinds.Object
	Kind kinds.Kind
	Conn grpc.ClientConnInterface
}

// Name is the object's name.
func (o Object) Name() string { return o.GetMetadata().GetName() }

// Namespace is the object's namespace.
func (o Object) Namespace() string { return o.GetMetadata().GetNamespace() }

// Find finds the objects of the kinds, in their order. Errors: a service cannot be asked; nothing at all was found without
// names. Names that no object has are absent, each with a sentence.
func (f *Flags) Find(ctx context.Context, servers *connection.Servers, of []kinds.Kind, names []string) (found []Object, absent []error, err error) {
	for _, kind := range of {
		conn, err := servers.To(ctx, kind.Service)
		if err != nil {
			return nil, nil, err
		}
		objects, err := f.ofKind(ctx, conn, kind, names)
		if err != nil {
			return nil, nil, err
		}
		for _, object := range objects {
			found = append(found, Object{Object: object, Kind: kind, Conn: conn})
		}
	}
	if len(names) == 0 && len(found) == 0 {
		return nil, nil, fmt.Errorf("no %s objects found in %s", nouns(of), f.place())
	}
	for _, name := range names {
		if !slices.ContainsFunc(found, func(o Object) bool { return o.Name() == name }) {
			absent = append(absent, fmt.Errorf("%s object '%s' not found in %s", nouns(of), name, f.place()))
		}
	}
	return found, absent, nil
}

func (f *Flags) ofKind(ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, names []string) ([]kinds.Object, error) {
	if len(names) == 0 {
		filter := kinds.Filter{Namespace: f.Namespace, LabelSelector: f.LabelSelector}
		if f.AllNamespaces {
			filter.Namespace = ""
		}
		return kind.List(ctx, conn, filter)
	}
	var found []kinds.Object
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		object, err := kind.Get(ctx, conn, f.Namespace, name)
		switch {
		case errors.Is(err, rpcerr.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			found = append(found, object)
		}
	}
	return found, nil
}

func (f *Flags) place() string {
	if f.AllNamespaces {
		return "any namespace"
	}
	return fmt.Sprintf("%q namespace", f.Namespace)
}

func nouns(of []kinds.Kind) string {
	all := make([]string, len(of))
	for i, kind := range of {
		all[i] = kind.Noun
	}
	return strings.Join(all, ", ")
}
