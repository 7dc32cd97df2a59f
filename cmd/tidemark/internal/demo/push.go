// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/localparts/registry"
)

// buildLabel tells builds of one tag apart.
const buildLabel = "tidemark.build"

// pushCommand is `tidemark demo push`.
func pushCommand() *cobra.Command {
	var build string
	cmd := &cobra.Command{
		Use:   "push HOST/REPOSITORY:TAG…",
		Short: "Push tiny images without content to a registry, to try things out",
		Long: `Push tiny images without content to a registry that asks for no credentials, to try things out: nothing can be run from
them. An image depends on its repository and tag alone, so that the same push again changes nothing; another --build is
another image, which moves a tag that is there. A registry on loopback is spoken to without TLS.`,
		Example: `  tidemark demo push 127.0.0.1:5000/acme/web:1.0.0 127.0.0.1:5000/acme/web:1.1.0

  # The tag latest moves
  tidemark demo push 127.0.0.1:5000/acme/web:latest --build 2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return push(cmd.Context(), args, build, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&build, "build", "", "tells images of one tag apart; any text")
	return cmd
}

// push pushes an image for each reference. All references are read before anything is sent.
func push(ctx context.Context, references []string, build string, out io.Writer) error {
	if len(references) == 0 {
		return errors.New("a reference is required, for example 127.0.0.1:5000/acme/web:1.0.0")
	}
	tags := make([]name.Tag, 0, len(references))
	for _, reference := range references {
		tag, err := name.NewTag(reference, name.StrictValidation)
		if err != nil {
			return fmt.Errorf("%q must have a host, a repository and a tag: %w", reference, err)
		}
		tags = append(tags, tag)
	}
	for _, tag := range tags {
		image, err := pushed(tag, build)
		if err != nil {
			return err
		}
		if err := remote.Write(tag, image, remote.WithContext(ctx)); err != nil {
			return fmt.Errorf("push %s: %w", tag, err)
		}
		digest, err := image.Digest()
		if err != nil {
			return fmt.Errorf("push %s: %w", tag, err)
		}
		say(out, "✔", "pushed %s@%s", tag, digest)
	}
	return nil
}

// pushed is the image of a tag and build.
func pushed(tag name.Tag, build string) (v1.Image, error) {
	image, err := registry.Image(tag.RepositoryStr(), tag.TagStr())
	if err != nil || build == "" {
		return image, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("make an image: %w", err)
	}
	config = config.DeepCopy()
	config.Config.Labels[buildLabel] = build
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, fmt.Errorf("make an image: %w", err)
	}
	return image, nil
}
