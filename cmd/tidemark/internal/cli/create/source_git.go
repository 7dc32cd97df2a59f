// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/cobra"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// gitRepositoryFlags are the flags of `create source git`.
type gitRepositoryFlags struct {
	url          string
	ref          updaterv1.GitRef
	secretRef    string
	interval     time.Duration
	fetchTimeout time.Duration
}

func (v *verb) gitRepository() *cobra.Command {
	f := &gitRepositoryFlags{}
	cmd := v.noun(kinds.GitRepository(), cobra.Command{
		Use:   "git NAME",
		Short: "Create a Git repository, which automations write to",
		Example: `  tidemark create source git flux-system --url https://git.example.com/fleet/infra.git --branch main \
    --secret-ref git-credentials`,
	}, f.build)
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "address of the repository: http, https or ssh, without credentials")
	flags.StringVar(&f.ref.Branch, "branch", "", "branch (default: the remote's HEAD)")
	flags.StringVar(&f.ref.Tag, "tag", "", "tag")
	flags.StringVar(&f.ref.Semver, "tag-semver", "", "range of versions; the highest tag in it is meant")
	flags.StringVar(&f.ref.Name, "ref-name", "", "full reference name, for example refs/pull/420/head")
	flags.StringVar(&f.ref.Commit, "commit", "", "commit")
	flags.StringVar(&f.secretRef, "secret-ref", "", "secret with the credentials")
	flags.DurationVar(&f.interval, "interval", time.Minute, "how often the remote is looked at; 0s for only when an automation runs")
	flags.DurationVar(&f.fetchTimeout, "fetch-timeout", 0, "how long one operation on the remote may take (default: 60s)")
	for _, flag := range []string{"username", "password", "private-key-file", "ca-file"} {
		unsupported(flags, flag, "no credentials go through the API; put them into a secret and name it with --secret-ref")
	}
	return cmd
}

func (f *gitRepositoryFlags) build(metadata *metav1.ObjectMeta) (kinds.Object, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	secretRef, err := reference("--secret-ref", f.secretRef)
	if err != nil {
		return nil, err
	}
	interval, err := duration("--interval", f.interval)
	if err != nil {
		return nil, err
	}
	spec := &updaterv1.GitRepositorySpec{Url: f.url, SecretRef: secretRef, Interval: interval, Ref: f.reference()}
	if f.fetchTimeout != 0 {
		if spec.Timeout, err = duration("--fetch-timeout", f.fetchTimeout); err != nil {
			return nil, err
		}
	}
	return &updaterv1.GitRepository{Metadata: metadata, Spec: spec}, nil
}

func (f *gitRepositoryFlags) check() error {
	if f.url == "" {
		return errors.New("url is required (--url)")
	}
	u, err := url.Parse(f.url)
	if err != nil {
		return fmt.Errorf("url parse failed: %w", err)
	}
	switch u.Scheme {
	case "http", "https", "ssh":
	default:
		return fmt.Errorf("git URL scheme '%s' not supported, can be: ssh, http and https", u.Scheme)
	}
	if _, isSet := u.User.Password(); isSet || (u.User != nil && u.Scheme != "ssh") {
		return errors.New("--url must not hold credentials; put them into a secret and name it with --secret-ref")
	}
	if u.Host == "" {
		return fmt.Errorf("--url '%s' names no host", f.url)
	}
	if f.ref.GetSemver() != "" {
		if _, err := semver.NewConstraint(f.ref.GetSemver()); err != nil {
			return fmt.Errorf("--tag-semver '%s' is no range of versions: %w", f.ref.GetSemver(), err)
		}
	}
	return nil
}

// reference is what is checked out; nil: the remote's HEAD.
func (f *gitRepositoryFlags) reference() *updaterv1.GitRef {
	if f.ref.GetBranch()+f.ref.GetTag()+f.ref.GetSemver()+f.ref.GetName()+f.ref.GetCommit() == "" {
		return nil
	}
	return &f.ref
}
