// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

// subject is what somebody asks about: an object's or an image's name, and a tag; an empty tag is the policies' choice.
type subject struct {
	name, tag string
}

var tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// parseSubject parts name and tag. A colon before the last slash is a port's.
func parseSubject(text string) (subject, error) {
	text, _, _ = strings.Cut(text, "@") // a digest says no more than its tag does
	s := subject{name: text}
	if colon := strings.LastIndexByte(text, ':'); colon > strings.LastIndexByte(text, '/') {
		s.name, s.tag = text[:colon], text[colon+1:]
		if !tagForm.MatchString(s.tag) {
			return s, fmt.Errorf("'%s' is no tag", s.tag)
		}
	}
	if s.name == "" || strings.Contains(s.name, "://") {
		return s, fmt.Errorf("'%s' is the name of no object and of no image; give NAME[:TAG], for example ghcr.io/acme/web:1.2.0", text)
	}
	return s, nil
}

// means says whether the repository is meant: by its name, or by its image's.
func (s subject) means(r *scannerv1.ImageRepository) bool {
	image := r.GetSpec().GetImage()
	if s.name == r.GetMetadata().GetName() || s.name == image || s.name == r.GetStatus().GetCanonicalImageName() {
		return true
	}
	asked, is := canonical(s.name)
	stored, was := canonical(image)
	return is && was && asked == stored
}

// canonical is the image's name with its host: `nginx` is `index.docker.io/library/nginx`.
func canonical(image string) (string, bool) {
	repository, err := name.NewRepository(image)
	if err != nil {
		return "", false
	}
	return repository.Name(), true
}

// place is a line of a file in a repository; line zero: all of them.
type place struct {
	path string
	line int
}

func (p place) String() string {
	if p.line == 0 {
		return p.path
	}
	return p.path + ":" + strconv.Itoa(p.line)
}

var lineForm = regexp.MustCompile(`^(.+?):([0-9]{1,9})(?::[0-9]+)?$`) // a column, as editors and compilers add, is left out

func parsePlace(text string) (place, error) {
	p := place{path: text}
	if parts := lineForm.FindStringSubmatch(text); parts != nil {
		line, err := strconv.Atoi(parts[2])
		if err != nil || line == 0 {
			return p, fmt.Errorf("'%s': lines are counted from 1", text)
		}
		p = place{path: parts[1], line: line}
	}
	p.path = strings.TrimPrefix(path.Clean("/"+p.path), "/")
	if p.path == "" {
		return p, fmt.Errorf("'%s' is no file; give its path in the repository, for example apps/web.yaml:12", text)
	}
	return p, nil
}

// setter is a marker taken apart: `<namespace>:<policy>[:tag|:name|:digest]`.
type setter struct {
	namespace, policy, part string
}

func parseSetter(text string) setter {
	var s setter
	s.namespace, text, _ = strings.Cut(text, ":")
	s.policy, s.part, _ = strings.Cut(text, ":")
	return s
}

func (s setter) of() string { return s.namespace + "/" + s.policy }

// tagIn is the tag that a value says; empty: the marker writes none.
func (s setter) tagIn(value string) string {
	value, _, _ = strings.Cut(value, "@")
	switch s.part {
	case "tag":
		return value
	case "":
		if colon := strings.LastIndexByte(value, ':'); colon > strings.LastIndexByte(value, '/') {
			return value[colon+1:]
		}
	}
	return ""
}

// repositoryOf is where a policy's tags come from, `<namespace>/<name>`.
func repositoryOf(p *resolverv1.ImagePolicy) string {
	ref := p.GetSpec().GetImageRepositoryRef()
	namespace := ref.GetNamespace()
	if namespace == "" {
		namespace = p.GetMetadata().GetNamespace()
	}
	return namespace + "/" + ref.GetName()
}
