// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package diffing is `tidemark diff`: what applying manifests would change, as unified diffs of the objects' manifests. The
// services themselves say what they would store; nothing is stored.
package diffing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/diff"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/given"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/operator"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	unified "github.com/tidemark-io/tidemark/updater/diff"
)

// The exit codes, as flux's and kubectl's diff have them.
const (
	differs = terminal.ExitError(1)
	failed  = terminal.ExitError(2)
)

// Command is `tidemark diff`.
func Command(servers *connection.Servers, getenv func(string) string) *cobra.Command {
	v := &verb{servers: servers, getenv: getenv}
	cmd := &cobra.Command{
		Use:   "diff -f FILE|DIR|-",
		Short: "Show what applying manifests would change",
		Long: `Show what applying manifests would change, as unified diffs of the stored objects' manifests and those that the services
would store. Nothing is stored.

The exit code is flux's and kubectl's: 0 where nothing would change, 1 where something would, 2 where that cannot be told
of everything.`,
		Example: `  tidemark diff -f ./clusters/production

  # With what apply --prune would delete
  tidemark diff -f ./teams/web --prune -l team=web`,
		Args: func(cmd *cobra.Command, args []string) error { return asFailed(given.NoArgs(cmd, args)) },
		RunE: v.run,
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return asFailed(suggestion.FlagError(cmd, err)) })
	v.files.Add(cmd.Flags())
	v.prune.Add(cmd, "show as deleted")
	servers.AddFlags(cmd.Flags())
	return cmd
}

type verb struct {
	servers *connection.Servers
	getenv  func(string) string
	files   given.Flags
	prune   given.Prune
}

func (v *verb) run(cmd *cobra.Command, _ []string) error {
	progress := terminal.New(cmd.ErrOrStderr())
	c, err := v.compare(cmd, progress)
	if err != nil {
		return asFailed(err)
	}
	if err := diff.Show(cmd.OutOrStdout(), c.text.String(), v.getenv); err != nil {
		return asFailed(err)
	}
	switch {
	case c.failed:
		return failed
	case c.text.Len() > 0:
		return differs
	default:
		return nil
	}
}

// asFailed gives an error the exit code of a diff that failed.
func asFailed(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, failed)
}

// compare compares everything that was given with what is stored.
func (v *verb) compare(cmd *cobra.Command, progress terminal.Progress) (*comparison, error) {
	manifests, err := v.read(cmd.InOrStdin(), progress)
	if err != nil {
		return nil, err
	}
	codec, err := kinds.Codec()
	if err != nil {
		return nil, err
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	c := &comparison{codec: codec, servers: v.servers, progress: progress, failed: !manifests.Whole()}
	for _, o := range manifests.Objects {
		if err := c.object(ctx, o); err != nil {
			return nil, err
		}
	}
	if !v.prune.On {
		return c, nil
	}
	namespace := ""
	if flag := cmd.Flags().Lookup("namespace"); flag.Changed {
		namespace = flag.Value.String()
	}
	obsolete, err := manifests.Obsolete(ctx, v.servers, namespace, v.prune.Selector, progress)
	if err != nil {
		return nil, err
	}
	for _, o := range obsolete {
		if err := c.show(o.Kind, o.Namespace(), o.Name(), o.Object, nil); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (v *verb) read(in io.Reader, progress terminal.Progress) (*given.Manifests, error) {
	if err := v.files.Check("compare"); err != nil {
		return nil, err
	}
	if err := v.prune.Check(); err != nil {
		return nil, err
	}
	manifests, err := v.files.Read(in)
	if err != nil {
		return nil, err
	}
	manifests.Tell(progress)
	return manifests, manifests.Empty("compare")
}

// comparison is one run of the verb.
type comparison struct {
	codec    *manifest.Codec
	servers  *connection.Servers
	progress terminal.Progress

	text   strings.Builder
	failed bool
}

// object compares one object with the stored one. What its service refuses is shown with its place.
func (c *comparison) object(ctx context.Context, o *manifest.Object) error {
	kind, err := kinds.Of(o.Message)
	if err != nil {
		return err
	}
	object, ok := o.Message.(kinds.Object)
	if !ok {
		return fmt.Errorf("%s is no object", o)
	}
	conn, err := c.servers.To(ctx, kind.Service)
	if err != nil {
		return err
	}
	stored, err := kind.Get(ctx, conn, o.Namespace, o.Name)
	if errors.Is(err, rpcerr.ErrNotFound) {
		stored, err = nil, nil
	}
	if err != nil {
		return err
	}
	wanted, _, err := kind.Validate(ctx, conn, object, kinds.Manager(kinds.WayApply, operator.Name()))
	switch {
	case err == nil:
		return c.show(kind, o.Namespace, o.Name, stored, wanted)
	case ctx.Err() != nil || errors.Is(err, connection.ErrUnreachable):
		return err
	}
	c.failed = true
	for _, refusal := range kinds.Refusal(o, err) {
		given.Mistake(c.progress, refusal)
	}
	return nil
}

// show adds the difference of one object, in flux's words; nil is none.
func (c *comparison) show(kind kinds.Kind, namespace, name string, stored, wanted kinds.Object) error {
	before, err := c.manifest(stored)
	if err != nil {
		return err
	}
	after, err := c.manifest(wanted)
	if err != nil {
		return err
	}
	text := unified.Unified(kind.Resource+"/"+namespace+"/"+name+".yaml", before, after)
	if text == "" {
		return nil
	}
	c.text.WriteString(text)
	switch {
	case before == nil:
		c.progress.Action("%s/%s/%s created", kind.Noun, namespace, name)
	case after == nil:
		c.progress.Action("%s/%s/%s deleted", kind.Noun, namespace, name)
	default:
		c.progress.Action("%s/%s/%s drifted", kind.Noun, namespace, name)
		if kinds.ManagedBy(stored, kinds.WayManifests) {
			c.progress.Warning("it is managed by %s, which will undo what differs from it", stored.GetMetadata().GetManagedBy())
		}
	}
	return nil
}

// manifest is the object with all that is Tidemark's own; nil for nil.
func (c *comparison) manifest(o kinds.Object) ([]byte, error) {
	if o == nil {
		return nil, nil
	}
	return c.codec.Encode(o)
}
