// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// gitRepositoryFlags are the flags of `create source git`.
type gitRepositoryFlags struct {
	url          string
	ref          updaterv1.GitRef
	secretRef    string
	interval     time.Duration
	fetchTimeout time.Duration
	provider     string
	proxyRef     string
	silent       bool
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
	flags.StringVar(&f.provider, "provider", "", "what credential the secret holds: generic (its own) or github (a GitHub App's)")
	flags.StringVar(&f.proxyRef, "proxy-secret-ref", "", "secret with a proxy: address, and username with password; for http and https")
	// Flux asks whether its deploy key is in place; there is none here, so nothing is asked.
	flags.BoolVarP(&f.silent, "silent", "s", false, "taken for flux's sake: nothing is asked")
	flags.Lookup("silent").Hidden = true
	unsupportedGit(flags)
	return cmd
}

// unsupportedGit are flux's flags that mean nothing here.
func unsupportedGit(flags *pflag.FlagSet) {
	const secret = "no credentials go through the API; put them into a secret and name it with --secret-ref"
	for flag, short := range map[string]string{
		"username": "u", "password": "p", "private-key-file": "", "ca-file": "",
		"ssh-key-algorithm": "", "ssh-rsa-bits": "", "ssh-ecdsa-curve": "",
	} {
		unsupported(flags, flag, short, secret)
	}
	unsupported(flags, "ignore-paths", "", "nothing is left out of a repository; --git-repo-path of the automation says where marked files are")
	unsupported(flags, "sparse-checkout-paths", "", "nothing is checked out; --git-repo-path of the automation says where marked files are")
	unsupported(flags, "recurse-submodules", "", "submodules are repositories of their own, and are not written to")
	flags.Lookup("recurse-submodules").NoOptDefVal = "true"
}

func (f *gitRepositoryFlags) build(metadata *metav1.ObjectMeta) (kinds.Object, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	spec := &updaterv1.GitRepositorySpec{Url: f.url, Ref: f.reference()}
	var err error
	if spec.SecretRef, err = reference("--secret-ref", f.secretRef); err != nil {
		return nil, err
	}
	if spec.ProxySecretRef, err = reference("--proxy-secret-ref", f.proxyRef); err != nil {
		return nil, err
	}
	if spec.Interval, err = duration("--interval", f.interval); err != nil {
		return nil, err
	}
	if spec.Timeout, err = timeout("--fetch-timeout", f.fetchTimeout); err != nil {
		return nil, err
	}
	switch f.provider {
	case "":
	case "generic":
		spec.Provider = updaterv1.GitProvider_GIT_PROVIDER_GENERIC
	case "github":
		spec.Provider = updaterv1.GitProvider_GIT_PROVIDER_GITHUB
	case "azure":
		return nil, errors.New("--provider azure: there is no workload identity here; put a token into the secret of --secret-ref")
	default:
		return nil, suggestion.Value("--provider", f.provider, "generic", "github")
	}
	return &updaterv1.GitRepository{Metadata: metadata, Spec: spec}, nil
}

func (f *gitRepositoryFlags) check() error {
	if f.url == "" {
		return errors.New("url is required (--url)")
	}
	if scp.MatchString(f.url) && !scheme.MatchString(f.url) {
		// url.Parse would take the host for a scheme, or the path for a port.
		return fmt.Errorf("--url '%s' is no URL; write %s", f.url, instead(f.url))
	}
	u, err := url.Parse(f.url)
	if err != nil {
		return fmt.Errorf("git URL parse failed: %w", err)
	}
	switch u.Scheme {
	case "http", "https", "ssh":
	case "":
		return fmt.Errorf("--url '%s' is no URL; write %s", f.url, instead(f.url))
	default:
		return fmt.Errorf("git URL scheme '%s' not supported, can be: ssh, http and https", u.Scheme)
	}
	if _, isSet := u.User.Password(); isSet || (u.User != nil && u.Scheme != "ssh") {
		return errors.New("--url must not hold credentials; put them into a secret and name it with --secret-ref")
	}
	if u.Host == "" {
		return fmt.Errorf("--url '%s' names no host", f.url)
	}
	return f.checkReference()
}

var commit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// checkReference says what cannot be checked out.
func (f *gitRepositoryFlags) checkReference() error {
	if err := branch("--branch", f.ref.GetBranch()); err != nil {
		return err
	}
	if id := f.ref.GetCommit(); id != "" && !commit.MatchString(id) {
		return fmt.Errorf("--commit '%s' must be a commit's full id, of 40 or 64 hexadecimal digits", id)
	}
	if name := f.ref.GetName(); name != "" && !strings.HasPrefix(name, "refs/") {
		return fmt.Errorf("--ref-name '%s' must be a full reference name; for a branch write refs/heads/%s", name, name)
	}
	if f.ref.GetSemver() != "" {
		if _, err := semver.NewConstraint(f.ref.GetSemver()); err != nil {
			return fmt.Errorf("--tag-semver '%s' is no range of versions: %w", f.ref.GetSemver(), err)
		}
	}
	return nil
}

var scp = regexp.MustCompile(`^([^@/:]+@)?([^/:]+):([^/].*)$`)

// instead is the URL that an address without a scheme most likely means: `git@host:path` is ssh.
func instead(address string) string {
	if m := scp.FindStringSubmatch(address); m != nil {
		return "ssh://" + m[1] + m[2] + "/" + m[3]
	}
	return "https://" + strings.TrimLeft(address, "/")
}

// reference is what is checked out; nil: the remote's HEAD.
func (f *gitRepositoryFlags) reference() *updaterv1.GitRef {
	if f.ref.GetBranch()+f.ref.GetTag()+f.ref.GetSemver()+f.ref.GetName()+f.ref.GetCommit() == "" {
		return nil
	}
	return &f.ref
}
