// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package events tells what happened lately: conditions that changed, runs of automations, new tags, holds and suspensions, in
// the order of time. There is no store of events: what the services keep with a time is asked for and merged, so that what they
// forgot, such as a condition before the present one, is not told.
package events

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

const (
	// defaultLimit is how many events are shown, and most how many may be.
	defaultLimit = 200
	most         = 10_000
)

// Command is `tidemark events`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what happened lately, and go on with --watch",
		Long: `Show what happened lately, the last event below: conditions that changed, runs that pushed or failed, new tags, holds and
suspensions. Services keep no journal: of each condition it is the last change, of each repository the last 20 new tags, of
each automation the last 20 runs.`,
		Example: `  tidemark events
  tidemark events --for ImagePolicy/podinfo
  tidemark events -A --types Warning --watch`,
		Args: cobra.NoArgs,
		RunE: v.run,
	}
	flags := cmd.Flags()
	servers.AddFlags(flags)
	flags.StringVarP(&v.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the objects")
	flags.BoolVarP(&v.allNamespaces, "all-namespaces", "A", false, "show the events of all namespaces")
	flags.StringVar(&v.target, "for", "", "only what happened to one object, KIND/NAME, for example ImageRepository/podinfo")
	flags.StringSliceVar(&v.types, "types", nil, "only events of these types: Normal, Warning")
	flags.BoolVarP(&v.watch, "watch", "w", false, "go on, and show each event as it happens")
	flags.BoolVar(&v.noHeader, "no-header", false, "leave out the table's header")
	flags.IntVar(&v.limit, "limit", defaultLimit, "show so many events at most, the last ones")
	return cmd
}

type verb struct {
	servers       *connection.Servers
	namespace     string
	allNamespaces bool
	target        string
	types         []string
	watch         bool
	noHeader      bool
	limit         int
}

// scope is what is asked for.
type scope struct {
	kinds []kinds.Kind
	// name of the one object. Empty: all.
	name string
	// namespace. Empty: all.
	namespace string
	types     []string
}

func (v *verb) scope() (scope, error) {
	s := scope{kinds: kinds.All(), namespace: v.namespace}
	if v.allNamespaces {
		s.namespace = ""
	} else if s.namespace == "" {
		return s, errors.New("--namespace is empty; for all namespaces use -A")
	}
	if v.limit < 1 || v.limit > most {
		return s, fmt.Errorf("--limit is a number from 1 to %d", most)
	}
	for _, word := range v.types {
		switch {
		case strings.EqualFold(word, normal):
			s.types = append(s.types, normal)
		case strings.EqualFold(word, warning):
			s.types = append(s.types, warning)
		default:
			return s, fmt.Errorf("--types %s: a type is Normal or Warning", word)
		}
	}
	if v.target == "" {
		return s, nil
	}
	noun, name, _ := strings.Cut(v.target, "/")
	kind, err := kindOf(noun)
	if err == nil && (name == "" || strings.Contains(name, "/")) {
		err = errors.New("an object is KIND/NAME, for example ImageRepository/podinfo")
	}
	if err != nil {
		return s, fmt.Errorf("--for %s: %w", v.target, err)
	}
	s.kinds, s.name = []kinds.Kind{kind}, name
	return s, nil
}

// kindOf is a kind by its name, in any case, with or without its group: `ImagePolicy`, `imagepolicy.image.toolkit.fluxcd.io`.
func kindOf(word string) (kinds.Kind, error) {
	word, _, _ = strings.Cut(word, ".")
	all := kinds.All()
	names := make([]string, len(all))
	for i, kind := range all {
		if strings.EqualFold(word, kind.Noun) {
			return kind, nil
		}
		names[i] = kind.Noun
	}
	return kinds.Kind{}, fmt.Errorf("a kind is %s", strings.Join(names, ", "))
}

func (v *verb) run(cmd *cobra.Command, _ []string) error {
	s, err := v.scope()
	if err != nil {
		return err
	}
	progress := terminal.New(cmd.ErrOrStderr())
	if v.watch {
		return v.follow(cmd.Context(), s, cmd.OutOrStdout(), progress)
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	found, failed := v.gather(ctx, s)
	found, left := s.latest(found, v.limit)
	if left > 0 {
		progress.Warning("%s left out; see --limit", terminal.Count(left, "earlier event"))
	}
	if len(found) == 0 && failed == nil {
		progress.Warning("nothing is known to have happened %s", v.place())
		return nil
	}
	return errors.Join(v.write(v.table(cmd.OutOrStdout()), found), failed)
}

func (v *verb) place() string {
	switch {
	case v.target != "":
		return "to " + v.target
	case v.allNamespaces:
		return "in any namespace"
	}
	return fmt.Sprintf("in %q namespace", v.namespace)
}

// latest are the events of the wanted types in the order of time, the last ones; and how many are left out.
func (s scope) latest(all []event, limit int) (found []event, left int) {
	for _, e := range all {
		if len(s.types) == 0 || slices.Contains(s.types, e.kind) {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b event) int {
		return cmp.Or(a.time.Compare(b.time), strings.Compare(a.object, b.object), strings.Compare(a.id, b.id))
	})
	left = max(len(found)-limit, 0)
	return found[left:], left
}

func (v *verb) table(out io.Writer) *table.Table {
	header := []string{"LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"}
	if v.allNamespaces {
		header = append([]string{"NAMESPACE"}, header...)
	}
	return table.New(out, header, v.noHeader)
}

func (v *verb) write(to *table.Table, found []event) error {
	now := time.Now()
	rows := make([][]string, len(found))
	for i, e := range found {
		rows[i] = []string{e.seen(now), e.kind, e.reason, e.object, e.message}
		if v.allNamespaces {
			rows[i] = append([]string{e.namespace}, rows[i]...)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return to.Write(rows)
}
