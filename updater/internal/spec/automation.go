// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package spec turns the specs of automations and Git repositories into what a run works with, and says which of their
// fields are wrong. It checks what the contract's own rules cannot say, for Apply and for objects that are stored
// already. It asks nobody: whether a branch or a secret exists is found out by the run.
package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/message"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// The fields that have a reason of their own in conditions.
const (
	FieldTemplate = "git.commit.messageTemplate"
	FieldPath     = "update.path"
	FieldSelector = "policySelector"
)

// Automation is an automation's spec, ready for use.
type Automation struct {
	Key, Source object.Key
	// Policies says by their labels which policies are used.
	Policies labels.Selector
	// Path is clean and inside the repository; empty: all of it.
	Path string
	// Checkout is nil where the source's reference counts.
	Checkout *gitrepo.Ref
	// PushBranch is empty where the branch that was checked out is pushed to.
	PushBranch string
	// PushOptions are for the server's hooks.
	PushOptions map[string]string
	// Second is nil where there is no second push.
	Second  *SecondPush
	Author  gitrepo.Person
	Message *message.Template
	Values  map[string]string
	// Signing is nil where commits are not signed.
	Signing *Signing
	// AllowDowngrade writes also what is older than the value in Git.
	AllowDowngrade bool
	// Interval is zero where only changes and requests make a run.
	Interval time.Duration
}

// Signing says what commits are signed with.
type Signing struct {
	Secret object.Key
	Type   updaterv1.SigningKeyType
}

// ParseAutomation reads a spec. The paths of the violations are below spec, in the manifests' spelling; where there are
// any, the automation is not to be used.
func ParseAutomation(a *updaterv1.ImageUpdateAutomation) (Automation, []rpcerr.FieldViolation) {
	s := a.GetSpec()
	var c checks
	parsed := Automation{
		Key:        object.KeyOfMeta(a.GetMetadata()),
		Source:     state.SourceOf(a),
		Policies:   c.selector(s.GetPolicySelector()),
		Path:       c.path(s.GetUpdate().GetPath()),
		PushBranch: s.GetGit().GetPush().GetBranch(),
		Author:     gitrepo.Person{Name: s.GetGit().GetCommit().GetAuthor().GetName(), Email: s.GetGit().GetCommit().GetAuthor().GetEmail()},
		Values:     s.GetGit().GetCommit().GetMessageTemplateValues(),
		Interval:   s.GetInterval().AsDuration(),

		PushOptions: s.GetGit().GetPush().GetOptions(), AllowDowngrade: s.GetAllowDowngrade(),
	}
	c.branch("git.push.branch", parsed.PushBranch)
	parsed.Second = c.refspec(s.GetGit().GetPush().GetRefspec())
	if key := s.GetGit().GetCommit().GetSigningKey(); key != nil {
		parsed.Signing = &Signing{Secret: object.Key{Namespace: parsed.Key.Namespace, Name: key.GetSecretRef().GetName()}, Type: key.GetType()}
	}
	if ref := s.GetGit().GetCheckout().GetRef(); ref != nil {
		c.ref("git.checkout.ref", ref)
		checkout := RefOf(ref)
		parsed.Checkout = &checkout
	}
	var err error
	if parsed.Message, err = message.Parse(s.GetGit().GetCommit().GetMessageTemplate()); err != nil {
		c.add(FieldTemplate, "%v", err)
	}
	return parsed, c
}

// checks gathers what is wrong.
type checks []rpcerr.FieldViolation

func (c *checks) add(field, format string, args ...any) {
	sentence := format
	if len(args) > 0 {
		sentence = fmt.Sprintf(format, args...)
	}
	*c = append(*c, rpcerr.FieldViolation{Path: field, Sentence: sentence})
}

func (c *checks) path(where string) string {
	clean := path.Clean(where)
	switch {
	case where == "":
		return ""
	case path.IsAbs(where):
		c.add(FieldPath, "%q is absolute; give a folder or file inside the repository, for example ./apps", where)
	case clean == ".." || strings.HasPrefix(clean, "../"):
		c.add(FieldPath, "%q leads out of the repository; give a folder or file inside it, for example ./apps", where)
	case strings.ContainsAny(where, "\x00\n"):
		c.add(FieldPath, "has a line break or a NUL byte")
	case slices.ContainsFunc(strings.Split(clean, "/"), func(name string) bool { return strings.EqualFold(name, ".git") }):
		c.add(FieldPath, "%q is Git's own; give a folder or file of the repository, for example ./apps", where)
	case clean == ".":
		return ""
	}
	return clean
}

// selector reads a selector as Kubernetes does; nil selects everything.
func (c *checks) selector(s *updaterv1.LabelSelector) labels.Selector {
	selector := labels.NewSelector()
	for _, key := range sortedKeys(s.GetMatchLabels()) {
		requirement, err := labels.NewRequirement(key, selection.Equals, []string{s.GetMatchLabels()[key]})
		if err != nil {
			c.add(fmt.Sprintf("%s.matchLabels[%q]", FieldSelector, key), "%v", err)
			continue
		}
		selector = selector.Add(*requirement)
	}
	for i, expression := range s.GetMatchExpressions() {
		requirement, err := labels.NewRequirement(expression.GetKey(), operatorOf(expression.GetOperator()), expression.GetValues())
		if err != nil {
			c.add(fmt.Sprintf("%s.matchExpressions[%d]", FieldSelector, i), "%v", err)
			continue
		}
		selector = selector.Add(*requirement)
	}
	return selector
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func operatorOf(o updaterv1.SelectorOperator) selection.Operator {
	switch o {
	case updaterv1.SelectorOperator_SELECTOR_OPERATOR_IN:
		return selection.In
	case updaterv1.SelectorOperator_SELECTOR_OPERATOR_NOT_IN:
		return selection.NotIn
	case updaterv1.SelectorOperator_SELECTOR_OPERATOR_EXISTS:
		return selection.Exists
	case updaterv1.SelectorOperator_SELECTOR_OPERATOR_DOES_NOT_EXIST:
		return selection.DoesNotExist
	default:
		return "" // which NewRequirement refuses
	}
}
