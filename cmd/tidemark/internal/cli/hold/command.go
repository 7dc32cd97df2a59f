// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package hold pins the answer of an image policy to a tag, and takes that back: the two verbs for the night when a release
// has to go. What is held is told by `tidemark get image policy`. It decides nothing: the resolver keeps the hold.
package hold

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/operator"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Command is `tidemark hold`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	o := options{}
	policy := cobra.Command{
		Use:   "policy NAME (--tag TAG | --current) --reason REASON",
		Short: "Pin the answer of an image policy, also to an older tag",
		Example: `  # Back to 7.8.0 for the night
  tidemark hold image policy app --tag 7.8.0 --reason "7.8.1 crashes" --for 4h

  # Whatever it is now, let it stay
  tidemark hold image policy app --current --reason "release freeze"`,
		PreRunE: func(*cobra.Command, []string) error { return o.check() },
	}
	policy.Flags().StringVar(&o.tag, "tag", "", "the tag to hold; the repository must have it")
	policy.Flags().BoolVar(&o.current, "current", false, "hold the answer that the policy has now")
	policy.Flags().StringVar(&o.reason, "reason", "", "why, for everybody to see (required)")
	policy.Flags().DurationVar(&o.lasts, "for", 0, "how long; without it the hold lasts until it is released")
	policy.Flags().StringVar(&o.actor, "actor", "", "who says so (default: user@host)")
	cmd := group.Command(cobra.Command{
		Use:     "hold",
		Short:   "Pin the answer of an image policy",
		Example: `  tidemark hold image policy app --tag 7.8.0 --reason "7.8.1 crashes" --for 4h`,
	}, group.Command(cobra.Command{
		Use: "image", Aliases: []string{"images"}, Short: "Pin the answer of an image policy",
	}, v.noun(policy, o.hold)))
	v.addFlags(cmd)
	return cmd
}

// ReleaseCommand is `tidemark release`.
func ReleaseCommand(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	cmd := group.Command(cobra.Command{
		Use:     "release",
		Short:   "Take the hold of an image policy back",
		Example: "  tidemark release image policy app",
	}, group.Command(cobra.Command{
		Use: "image", Aliases: []string{"images"}, Short: "Take the hold of an image policy back",
	}, v.noun(cobra.Command{
		Use: "policy NAME", Short: "Take the hold of an image policy back, and evaluate it", Example: "  tidemark release image policy app",
	}, release)))
	v.addFlags(cmd)
	return cmd
}

type verb struct {
	servers   *connection.Servers
	namespace string
}

func (v *verb) addFlags(cmd *cobra.Command) {
	v.servers.AddFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().StringVarP(&v.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the object")
}

// target is the policy that is meant.
type target struct{ namespace, name string }

// action asks the resolver, and writes what came of it.
type action func(ctx context.Context, conn grpc.ClientConnInterface, t target, progress terminal.Progress) error

func (v *verb) noun(cmd cobra.Command, act action) *cobra.Command {
	kind := kinds.ImagePolicy()
	cmd.Aliases = []string{"policies"}
	cmd.Args = group.OneName(kind.Noun)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := v.servers.WithTimeout(cmd.Context())
		defer cancel()
		conn, err := v.servers.To(ctx, kind.Service)
		if err != nil {
			return err
		}
		return act(ctx, conn, target{namespace: v.namespace, name: args[0]}, terminal.New(cmd.ErrOrStderr()))
	}
	return &cmd
}

// options are what is to be held, and why.
type options struct {
	tag, reason, actor string
	current            bool
	lasts              time.Duration
}

func (o *options) check() error {
	switch {
	case o.tag == "" && !o.current:
		return errors.New("which tag is to be held? Give --tag, or --current for the one that is selected now")
	case o.tag != "" && o.current:
		return errors.New("--tag and --current exclude each other")
	case o.reason == "":
		return errors.New("--reason is required: the next person will want to know")
	case o.lasts < 0:
		return errors.New("--for must be a time to come")
	}
	return nil
}

// who is the one that a hold is put down to.
func (o *options) who() string {
	if o.actor != "" {
		return o.actor
	}
	return operator.Name()
}
