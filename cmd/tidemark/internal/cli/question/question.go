// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package question is what `tidemark resolve` and `tidemark explain` have in common: the flags that say which tags and
// which policy, and who answers, the resolver or, for tags that are in a file, this process itself.
package question

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/resolver/offline"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/selector"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Bounds on a file of tags: what a request may have.
const (
	maxTags      = 200_000
	maxTagLength = 128
)

// Flags are the flags' values.
type Flags struct {
	Namespace string

	selector  selector.Flags
	imageRepo string
	tagsFile  string
	minAge    time.Duration
	platforms []string
	labels    map[string]string
}

// Add adds the flags to a command.
func (f *Flags) Add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.Namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the objects")
	flags.StringVar(&f.imageRepo, "image-repo", "", "look at the tags of this image repository; NAMESPACE/NAME for one of another namespace")
	flags.StringVar(&f.tagsFile, "tags-file", "",
		"look at the tags in this file, one a line, - for standard input; answered by this program itself, no server is asked")
	f.selector.Add(flags)
	flags.DurationVar(&f.minAge, "min-age", 0, "how long a tag must be known; with --image-repo")
	flags.StringSliceVar(&f.platforms, "platform", nil, "platforms that the tag must offer, for example linux/arm64; with --image-repo")
	flags.StringToStringVar(&f.labels, "image-label", nil, "labels or annotations that the image must have, KEY=VALUE; with --image-repo")
}

// Offline says whether no server is to be asked.
func (f *Flags) Offline() bool { return f.tagsFile != "" }

// Given says whether any flag says what is to be resolved.
func (f *Flags) Given() bool {
	return f.imageRepo != "" || f.tagsFile != "" || f.selector.Given() || f.minAge != 0 || len(f.platforms)+len(f.labels) > 0
}

// Request is what the flags ask, about tags given as arguments where there are some.
func (f *Flags) Request(stdin io.Reader, tags []string) (*resolverv1.ResolveRequest, error) {
	req := &resolverv1.ResolveRequest{Platforms: f.platforms, Labels: f.labels}
	var err error
	if req.Policy, err = f.selector.Choice(); err != nil {
		return nil, err
	}
	if req.FilterTags, err = f.selector.Filter(); err != nil {
		return nil, err
	}
	switch {
	case f.minAge < 0:
		return nil, errors.New("--min-age is how long a tag must be known; it cannot be negative")
	case f.minAge > 0:
		req.MinimumAge = &resolverv1.MinimumAge{Duration: durationpb.New(f.minAge)}
	}
	return req, f.source(req, stdin, tags)
}

// source sets where the tags come from: one place, and no more.
func (f *Flags) source(req *resolverv1.ResolveRequest, stdin io.Reader, tags []string) error {
	given := 0
	for _, is := range []bool{f.imageRepo != "", f.tagsFile != "", len(tags) > 0} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		return errors.New("whose tags? Name an image repository (--image-repo) or a file of tags (--tags-file, - for standard input)")
	case given > 1:
		return errors.New("tags come from one place: --image-repo, --tags-file or arguments")
	case f.imageRepo != "":
		namespace, name, ok := strings.Cut(f.imageRepo, "/")
		if !ok {
			namespace, name = f.Namespace, f.imageRepo
		}
		req.Source = &resolverv1.ResolveRequest_ImageRepositoryRef{
			ImageRepositoryRef: &metav1.NamespacedObjectReference{Namespace: namespace, Name: name},
		}
		return nil
	case f.tagsFile != "":
		var err error
		if tags, err = f.readTags(stdin); err != nil {
			return err
		}
	}
	if lacking := f.needsRegistry(); lacking != "" {
		return fmt.Errorf("%s needs --image-repo: nothing is known of tags but their names otherwise", lacking)
	}
	req.Source = &resolverv1.ResolveRequest_TagList{TagList: &resolverv1.TagList{Tags: tags}}
	return nil
}

func (f *Flags) needsRegistry() string {
	for flag, given := range map[string]bool{
		"--min-age": f.minAge > 0, "--platform": len(f.platforms) > 0, "--image-label": len(f.labels) > 0,
	} {
		if given {
			return flag
		}
	}
	return ""
}

// readTags reads one tag a line; blank lines and those that begin with # are skipped.
func (f *Flags) readTags(stdin io.Reader) (tags []string, err error) {
	from, name := stdin, "standard input"
	if f.tagsFile != "-" {
		file, err := os.Open(f.tagsFile)
		if err != nil {
			return nil, fmt.Errorf("--tags-file: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		from, name = file, f.tagsFile
	}
	lines := bufio.NewScanner(from)
	for number := 1; lines.Scan(); number++ {
		tag := strings.TrimSpace(lines.Text())
		switch {
		case tag == "" || strings.HasPrefix(tag, "#"):
			continue
		case len(tag) > maxTagLength:
			return nil, fmt.Errorf("%s: line %d has %d characters; a tag has at most %d", name, number, len(tag), maxTagLength)
		case len(tags) == maxTags:
			return nil, fmt.Errorf("%s has more than %d tags", name, maxTags)
		}
		tags = append(tags, tag)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return tags, nil
}

// Answerer answers: a resolver, or this process.
type Answerer interface {
	Resolve(ctx context.Context, req *resolverv1.ResolveRequest) (*resolverv1.ResolveResponse, error)
	Explain(ctx context.Context, req *resolverv1.ExplainRequest) (*resolverv1.ExplainResponse, error)
}

// Answerer is who answers what the flags ask.
func (f *Flags) Answerer(ctx context.Context, servers *connection.Servers) (Answerer, error) {
	if f.Offline() {
		return offline.New(), nil
	}
	conn, err := servers.To(ctx, kinds.Resolver)
	if err != nil {
		return nil, err
	}
	return remote{resolverv1.NewResolutionServiceClient(conn)}, nil
}

// remote is a resolver beyond a connection.
type remote struct {
	client resolverv1.ResolutionServiceClient
}

func (r remote) Resolve(ctx context.Context, req *resolverv1.ResolveRequest) (*resolverv1.ResolveResponse, error) {
	return r.client.Resolve(ctx, req) //nolint:wrapcheck // the connection gives errors their sentence
}

func (r remote) Explain(ctx context.Context, req *resolverv1.ExplainRequest) (*resolverv1.ExplainResponse, error) {
	return r.client.Explain(ctx, req) //nolint:wrapcheck // the connection gives errors their sentence
}
