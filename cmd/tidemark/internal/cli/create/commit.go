// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"text/template/parse"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
)

// commit sets the message and the signature.
func (f *imageUpdateFlags) commit(spec *updaterv1.ImageUpdateAutomationSpec) error {
	if f.commitTemplate != "" {
		tree := parse.New("--commit-template")
		tree.Mode = parse.SkipFuncCheck // which functions there are is the updater's to say
		if _, err := tree.Parse(f.commitTemplate, "", "", map[string]*parse.Tree{}); err != nil {
			return fmt.Errorf("--commit-template is no template: %s", strings.TrimPrefix(err.Error(), "template: --commit-template:"))
		}
		spec.Git.Commit.MessageTemplate = f.commitTemplate
	}
	if f.signingSecret == "" {
		if f.signingType != "" {
			return errors.New("--signing-key-type needs --signing-key-secret, the secret with the key")
		}
		return nil
	}
	secret, err := reference("--signing-key-secret", f.signingSecret)
	if err != nil {
		return err
	}
	key := &updaterv1.SigningKey{SecretRef: secret}
	switch f.signingType {
	case "":
	case "gpg":
		key.Type = updaterv1.SigningKeyType_SIGNING_KEY_TYPE_GPG
	case "ssh":
		key.Type = updaterv1.SigningKeyType_SIGNING_KEY_TYPE_SSH
	default:
		return suggestion.Value("--signing-key-type", f.signingType, "gpg", "ssh")
	}
	spec.Git.Commit.SigningKey = key
	return nil
}

// push sets where to push, beside the branch that was checked out.
func (f *imageUpdateFlags) push(spec *updaterv1.ImageUpdateAutomationSpec) error {
	options, err := pairs("--push-option", f.pushOptions)
	if err != nil {
		return err
	}
	if err := checkRefspec(f.pushRefspec); err != nil {
		return err
	}
	if err := branch("--push-branch", f.pushBranch); err != nil {
		return err
	}
	if f.pushBranch != "" || f.pushRefspec != "" || options != nil {
		spec.Git.Push = &updaterv1.PushSpec{Branch: f.pushBranch, Refspec: f.pushRefspec, Options: options}
	}
	return nil
}

func checkRefspec(refspec string) error {
	if refspec == "" {
		return nil
	}
	source, destination, ok := strings.Cut(refspec, ":")
	switch {
	case strings.HasPrefix(refspec, "+"):
		return fmt.Errorf("--push-refspec '%s' forces, which would lose others' commits; remove the '+'", refspec)
	case !ok || source == "" || destination == "":
		return fmt.Errorf("--push-refspec '%s' must be SOURCE:DESTINATION, for example refs/heads/main:refs/for/main", refspec)
	case strings.Contains(refspec, "*"):
		return fmt.Errorf("--push-refspec '%s' must name one reference, without '*'", refspec)
	case !strings.HasPrefix(destination, "refs/"):
		return fmt.Errorf("--push-refspec: the destination '%s' must be a full reference name; write %s:refs/heads/%s", destination, source, destination)
	}
	return nil
}

// update sets where the marked files are.
func (f *imageUpdateFlags) update(spec *updaterv1.ImageUpdateAutomationSpec) error {
	if f.gitRepoPath == "" {
		return nil
	}
	if clean := path.Clean(f.gitRepoPath); clean == ".." || strings.HasPrefix(clean, "../") {
		return fmt.Errorf("--git-repo-path '%s' leads out of the repository", f.gitRepoPath)
	}
	spec.Update = &updaterv1.UpdateStrategy{Path: f.gitRepoPath, Strategy: updaterv1.Strategy_STRATEGY_SETTERS}
	return nil
}

// policies sets which policies are written.
func (f *imageUpdateFlags) policies(spec *updaterv1.ImageUpdateAutomationSpec) error {
	labels, err := parseLabels(f.policyLabels)
	if err != nil {
		return fmt.Errorf("--policy-selector: %w", err)
	}
	if labels != nil {
		spec.PolicySelector = &updaterv1.LabelSelector{MatchLabels: labels}
	}
	return nil
}

// pairs reads `key=value` words; nil: there are none.
func pairs(flag string, words []string) (map[string]string, error) {
	var all map[string]string
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%s '%s' must be key=value", flag, word)
		}
		if all == nil {
			all = map[string]string{}
		}
		all[key] = value
	}
	return all, nil
}
