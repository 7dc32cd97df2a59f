// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// errNoAnswer is of a resolver that answered nothing that we know.
var errNoAnswer = errors.New("the resolver's answer is none that this version knows; bring both to one version")

// maxRecorded bounds a text in a record, in bytes.
const maxRecorded = 500

// Recorded returns what a record keeps of a text: valid UTF-8 of at most 500 bytes, and `…` where more was cut off.
func Recorded(text string) string { return atMost(maxRecorded, text) }

func atMost(bytes int, text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= bytes {
		return text
	}
	return strings.ToValidUTF8(text[:bytes], "") + "…"
}

func (j *judgement) sentenceReverted(e Edit, undone Write) string {
	return fmt.Sprintf("somebody has undone commit %.7s, which wrote %s: %s stands again. It is written when ImagePolicy '%s' "+
		"moves past what was undone, or after `%s`",
		undone.Commit, shown(undone.New), shown(e.Old), e.Policy.Key, j.resume())
}

func (j *judgement) sentenceDowngrade(e Edit, s step, reason string) string {
	if reason == "" {
		reason = fmt.Sprintf("%s is older than %s", s.proposed, s.current)
	}
	return fmt.Sprintf("%s stands, and ImagePolicy '%s' says %s: %s. If that is meant, `tidemark hold image policy %s --tag %s "+
		"--reason …`, change the policy's spec, or set spec.allowDowngrade",
		s.current, e.Policy.Key, s.proposed, brief(reason), named(e.Policy.Key), s.proposed)
}

func (j *judgement) sentenceNotCompared(e Edit, s step, err error) string {
	return fmt.Sprintf("%s stands, and ImagePolicy '%s' says %s; which is older could not be found out: %s. The next run asks "+
		"again; `tidemark hold image policy %s --tag %s --reason …` or spec.allowDowngrade write it without asking",
		s.current, e.Policy.Key, s.proposed, brief(rpcerr.Sentence(err)), named(e.Policy.Key), s.proposed)
}

func (j *judgement) sentenceSibling(e, tag Edit) string {
	return fmt.Sprintf("the %s belongs to the tag in line %d (%s), which is held; it is written together with that",
		e.Ref.Part, tag.Line, tag.Node)
}

// resume is the command that releases what was undone.
func (j *judgement) resume() string {
	if j.Automation == (object.Key{}) {
		return "tidemark resume image update NAME --force"
	}
	return "tidemark resume image update " + named(j.Automation) + " --force"
}

// named is how an object is named on the command line.
func named(key object.Key) string {
	if key.Namespace == object.DefaultNamespace {
		return key.Name
	}
	return key.Name + " -n " + key.Namespace
}

// maxShown bounds a value in a sentence, maxReason somebody else's sentence, both in bytes: what to do comes last, and a
// status keeps 500 bytes.
const (
	maxShown  = 110
	maxReason = 160
)

func shown(value string) string {
	if value == "" {
		return "an empty value"
	}
	return atMost(maxShown, strconv.Quote(value))
}

func brief(sentence string) string { return atMost(maxReason, sentence) }
