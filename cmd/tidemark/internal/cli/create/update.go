// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// imageUpdateFlags are the flags of `create image update`.
type imageUpdateFlags struct {
	gitRepoRef       string
	gitRepoNamespace string
	gitRepoPath      string
	checkoutBranch   string
	pushBranch       string
	authorName       string
	authorEmail      string
	commitTemplate   string
	interval         time.Duration
	pushRefspec      string
	pushOptions      []string
	signingSecret    string
	signingType      string
	policyLabels     []string
	allowDowngrade   bool
}

func (v *verb) imageUpdateAutomation() *cobra.Command {
	f := &imageUpdateFlags{}
	cmd := v.noun(kinds.ImageUpdateAutomation(), cobra.Command{
		Use:   "update NAME",
		Short: "Create an image update automation, which commits what policies select",
		Example: `  tidemark create image update flux-system \
    --git-repo-ref flux-system --git-repo-path ./clusters/production \
    --checkout-branch main --author-name flux --author-email flux@example.com \
    --commit-template '{{range .Changed.Changes}}{{.NewValue}} {{end}}'`,
	}, f.build)
	flags := cmd.Flags()
	flags.StringVar(&f.gitRepoRef, "git-repo-ref", "", "name of the GitRepository that is written to")
	flags.StringVar(&f.gitRepoNamespace, "git-repo-namespace", "", "its namespace (default: the automation's)")
	flags.StringVar(&f.gitRepoPath, "git-repo-path", "", "folder or file with the marked places (default: the whole repository)")
	flags.StringVar(&f.checkoutBranch, "checkout-branch", "", "branch to start from (default: the GitRepository's, else the remote's HEAD)")
	flags.StringVar(&f.pushBranch, "push-branch", "", "branch to push to (default: the one that was checked out)")
	flags.StringVar(&f.authorName, "author-name", "", "name of the commits' author (default: none)")
	flags.StringVar(&f.authorEmail, "author-email", "", "address of the commits' author")
	flags.StringVar(&f.commitTemplate, "commit-template", "", "commit message, a Go template")
	flags.DurationVar(&f.interval, "interval", time.Minute, "how often to run though no policy changed; 0s for never")
	flags.StringVar(&f.signingSecret, "signing-key-secret", "", "secret with the key that commits are signed with")
	flags.StringVar(&f.signingType, "signing-key-type", "", "kind of that key: gpg or ssh (default: gpg)")
	flags.StringVar(&f.pushRefspec, "push-refspec", "", "second push, SOURCE:DESTINATION, for example refs/heads/main:refs/for/main")
	flags.StringSliceVar(&f.pushOptions, "push-option", nil, "option for the server's hooks, key=value, as git push -o; may be given several times")
	flags.StringSliceVar(&f.policyLabels, "policy-selector", nil, "label, key=value, of the policies that are written (default: all of the namespace)")
	flags.BoolVar(&f.allowDowngrade, "allow-downgrade", false, "write also tags older than what Git has (not Flux's, which always does)")
	return cmd
}

func (f *imageUpdateFlags) build(metadata *metav1.ObjectMeta) (kinds.Object, error) {
	if err := f.required(); err != nil {
		return nil, err
	}
	spec := &updaterv1.ImageUpdateAutomationSpec{
		Git:            &updaterv1.GitSpec{Commit: &updaterv1.CommitSpec{Author: &updaterv1.CommitAuthor{Name: f.authorName, Email: f.authorEmail}}},
		AllowDowngrade: f.allowDowngrade,
	}
	if err := branch("--checkout-branch", f.checkoutBranch); err != nil {
		return nil, err
	}
	if f.checkoutBranch != "" {
		spec.Git.Checkout = &updaterv1.GitCheckout{Ref: &updaterv1.GitRef{Branch: f.checkoutBranch}}
	}
	var err error
	if spec.SourceRef, err = f.source(); err != nil {
		return nil, err
	}
	if spec.Interval, err = duration("--interval", f.interval); err != nil {
		return nil, err
	}
	for _, set := range []func(*updaterv1.ImageUpdateAutomationSpec) error{f.commit, f.push, f.update, f.policies} {
		if err := set(spec); err != nil {
			return nil, err
		}
	}
	return &updaterv1.ImageUpdateAutomation{Metadata: metadata, Spec: spec}, nil
}

func (f *imageUpdateFlags) required() error {
	switch {
	case f.gitRepoRef == "":
		return errors.New("a reference to a GitRepository is required (--git-repo-ref)")
	case f.authorEmail == "":
		return errors.New("the author email is required (--author-email)")
	case strings.ContainsAny(f.authorName+f.authorEmail, "<>\n\x00"):
		return errors.New("--author-name and --author-email must not have '<', '>' or line breaks: git writes `name <email>` itself")
	default:
		return nil
	}
}

func (f *imageUpdateFlags) source() (*updaterv1.SourceReference, error) {
	if !dnsName.MatchString(f.gitRepoRef) {
		return nil, fmt.Errorf("--git-repo-ref '%s' is no name: lower-case letters, digits, '-' and '.' only", f.gitRepoRef)
	}
	if f.gitRepoNamespace != "" && !dnsLabel.MatchString(f.gitRepoNamespace) {
		return nil, fmt.Errorf("--git-repo-namespace '%s' is no namespace: lower-case letters, digits and '-' only", f.gitRepoNamespace)
	}
	return &updaterv1.SourceReference{Kind: kinds.GitRepository().Noun, Name: f.gitRepoRef, Namespace: f.gitRepoNamespace}, nil
}
