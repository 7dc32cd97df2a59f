// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// Ref says what of the remote is meant. The first one set of Commit, Name, Tag, SemVer, Branch counts; nothing
// set is the remote's HEAD.
type Ref struct {
	// Branch is a branch without refs/heads/. Together with Commit it is where the commit is looked for when the
	// server hands it out by no id; without it, that is the remote's HEAD.
	Branch string
	// Tag is a tag without refs/tags/. An annotated tag stands for its commit.
	Tag string
	// SemVer is a range; the highest tag in it is taken (of equal ones the byte-largest).
	SemVer string
	// Name is a full reference name (refs/heads/x, refs/pull/1/head).
	Name string
	// Commit is a full commit id, 40 hexadecimal digits.
	Commit string
	// Optional: a branch, tag or name that does not exist is no error but a Tip with a zero Hash.
	Optional bool
}

// Tip is what a Ref stands for on the remote.
type Tip struct {
	// Hash is the commit. Zero: it does not exist (only with Ref.Optional).
	Hash Hash
	// Name is the full reference name; empty for a commit asked for by id, and for a detached HEAD.
	Name string
	// Branch is Name's branch, without refs/heads/; empty when it is no branch, so that nothing can be pushed
	// back to it.
	Branch string
	// Fetched tells whether anything had to be downloaded.
	Fetched bool
}

// Revision is the form that Flux writes: main@sha1:<hash>.
func (t Tip) Revision() string {
	switch {
	case t.Branch != "":
		return t.Branch + "@sha1:" + t.Hash.String()
	case strings.HasPrefix(t.Name, "refs/tags/"):
		return strings.TrimPrefix(t.Name, "refs/tags/") + "@sha1:" + t.Hash.String()
	case t.Name != "":
		return t.Name + "@sha1:" + t.Hash.String()
	default:
		return "sha1:" + t.Hash.String()
	}
}

// target is a Tip with the object to ask the server for: the tag's object of an annotated tag.
type target struct {
	Tip
	want Hash
}

// find resolves a reference against what the server advertises.
func (r *Repo) find(ref Ref, adv *packp.AdvRefs) (target, error) {
	switch {
	case ref.Commit != "":
		return r.findCommit(ref)
	case ref.Name != "":
		return r.findName(ref.Name, ref.Optional, ErrRefNotFound, adv)
	case ref.Tag != "":
		return r.findName("refs/tags/"+ref.Tag, ref.Optional, ErrRefNotFound, adv)
	case ref.SemVer != "":
		return r.findSemVer(ref, adv)
	case ref.Branch != "":
		return r.findName("refs/heads/"+ref.Branch, ref.Optional, ErrBranchNotFound, adv)
	default:
		return r.findHead(adv)
	}
}

func (r *Repo) findCommit(ref Ref) (target, error) {
	if !plumbing.IsHash(ref.Commit) || strings.ToLower(ref.Commit) != ref.Commit {
		return target{}, r.fail("fetch", ErrRef, fmt.Sprintf("ref.commit %q is no full commit id of 40 lower-case hexadecimal digits", ref.Commit), nil)
	}
	hash := plumbing.NewHash(ref.Commit)
	return target{Tip{Hash: hash}, hash}, nil
}

func (r *Repo) findName(name string, optional bool, missing error, adv *packp.AdvRefs) (target, error) {
	if err := checkRefName(name); err != nil {
		return target{}, r.fail("fetch", ErrRef, err.Error(), nil)
	}
	hash, found := adv.References[name]
	if !found && optional {
		return target{Tip: tipNamed(name, plumbing.ZeroHash)}, nil
	}
	if !found {
		return target{}, r.fail("fetch", missing, fmt.Sprintf("the remote has no %s", name), nil)
	}
	t := target{tipNamed(name, hash), hash}
	if peeled, annotated := adv.Peeled[name]; annotated {
		t.Hash = peeled
	}
	return t, nil
}

func tipNamed(name string, hash Hash) Tip {
	branch, is := strings.CutPrefix(name, "refs/heads/")
	if !is {
		branch = ""
	}
	return Tip{Hash: hash, Name: name, Branch: branch}
}

func (r *Repo) findSemVer(ref Ref, adv *packp.AdvRefs) (target, error) {
	constraint, err := semver.NewConstraint(ref.SemVer)
	if err != nil {
		return target{}, r.fail("fetch", ErrRef, fmt.Sprintf("ref.semver %q: %v", ref.SemVer, err), nil)
	}
	var best *semver.Version
	var bestName string
	for name := range adv.References {
		tag, is := strings.CutPrefix(name, "refs/tags/")
		if !is || checkRefName(name) != nil {
			continue
		}
		version, err := semver.NewVersion(tag)
		if err != nil || !constraint.Check(version) {
			continue
		}
		if best == nil || version.GreaterThan(best) || (version.Equal(best) && name > bestName) {
			best, bestName = version, name
		}
	}
	if best == nil {
		return target{}, r.fail("fetch", ErrRefNotFound, fmt.Sprintf("the remote has no tag in the range %q", ref.SemVer), nil)
	}
	return r.findName(bestName, false, ErrRefNotFound, adv)
}

// findHead follows the remote's HEAD to its branch, so that what is committed can be pushed back there.
func (r *Repo) findHead(adv *packp.AdvRefs) (target, error) {
	for _, symref := range adv.Capabilities.Get(capability.SymRef) {
		from, to, _ := strings.Cut(symref, ":")
		if from == "HEAD" {
			return r.findName(to, false, ErrBranchNotFound, adv)
		}
	}
	if adv.Head == nil {
		return target{}, r.fail("fetch", ErrBranchNotFound, "the remote's HEAD points at nothing: set ref.branch", nil)
	}
	return target{Tip{Hash: *adv.Head}, *adv.Head}, nil
}

// checkRefName refuses what is no full, well-formed reference name.
func checkRefName(name string) error {
	if !strings.HasPrefix(name, "refs/") || len(name) > 1000 || plumbing.ReferenceName(name).Validate() != nil || !refLine.MatchString(zeroes+" "+name) {
		return fmt.Errorf("%q is no valid reference name", name)
	}
	return nil
}

var zeroes = plumbing.ZeroHash.String()
