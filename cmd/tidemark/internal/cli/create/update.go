// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
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
	flags.StringVar(&f.checkoutBranch, "checkout-branch", "", "branch to start from")
	flags.StringVar(&f.pushBranch, "push-branch", "", "branch to push to (default: --checkout-branch)")
	flags.StringVar(&f.authorName, "author-name", "", "name of the commits' author")
	flags.StringVar(&f.authorEmail, "author-email", "", "address of the commits' author")
	flags.StringVar(&f.commitTemplate, "commit-template", "", "commit message, a Go template")
	flags.DurationVar(&f.interval, "interval", time.Minute, "how often to run though no policy changed; 0s for never")
	unsupported(flags, "signing-key-secret", "commits are not signed yet")
	unsupported(flags, "signing-key-type", "commits are not signed yet")
	return cmd
}

func (f *imageUpdateFlags) build(metadata *metav1.ObjectMeta) (kinds.Object, error) {
	if err := f.required(); err != nil {
		return nil, err
	}
	source, err := f.source()
	if err != nil {
		return nil, err
	}
	interval, err := duration("--interval", f.interval)
	if err != nil {
		return nil, err
	}
	spec := &updaterv1.ImageUpdateAutomationSpec{
		SourceRef: source,
		Interval:  interval,
		Git: &updaterv1.GitSpec{
			Checkout: &updaterv1.GitCheckout{Ref: &updaterv1.GitRef{Branch: f.checkoutBranch}},
			Commit: &updaterv1.CommitSpec{
				Author:          &updaterv1.CommitAuthor{Name: f.authorName, Email: f.authorEmail},
				MessageTemplate: f.commitTemplate,
			},
		},
	}
	if f.pushBranch != "" {
		spec.Git.Push = &updaterv1.PushSpec{Branch: f.pushBranch}
	}
	if f.gitRepoPath != "" {
		spec.Update = &updaterv1.UpdateStrategy{Path: f.gitRepoPath, Strategy: updaterv1.Strategy_STRATEGY_SETTERS}
	}
	return &updaterv1.ImageUpdateAutomation{Metadata: metadata, Spec: spec}, nil
}

func (f *imageUpdateFlags) required() error {
	switch {
	case f.gitRepoRef == "":
		return errors.New("a reference to a GitRepository is required (--git-repo-ref)")
	case f.checkoutBranch == "":
		return errors.New("the Git repository branch is required (--checkout-branch)")
	case f.authorName == "":
		return errors.New("the author name is required (--author-name)")
	case f.authorEmail == "":
		return errors.New("the author email is required (--author-email)")
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
