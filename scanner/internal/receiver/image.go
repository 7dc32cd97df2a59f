// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import "strings"

// splitReference takes `host/name:tag` or `host/name@digest` apart; the tag of the latter is empty.
func splitReference(reference string) (repository, tag string) {
	repository, _, _ = strings.Cut(reference, "@")
	if i := strings.LastIndexByte(repository, ':'); i > strings.LastIndexByte(repository, '/') {
		repository, tag = repository[:i], repository[i+1:]
	}
	return repository, tag
}

func joinHost(host, path string) string {
	if host == "" {
		return path
	}
	return host + "/" + path
}

// Narrow returns those of the candidates whose image a payload may mean, and all of them where it means none: registries
// go by many names (mirrors, proxies, internal hosts), so a name that fits nothing tells nothing, and to scan once too
// often is harmless. A candidate fits when its path and the payload's are the same, or one ends in the other; hosts are
// not compared. images are the candidates' spec.image, in the order of the result's indices.
func Narrow(images []string, named []Image) []int {
	fit, all := make([]int, 0, len(images)), make([]int, 0, len(images))
	paths := make([]string, 0, len(named))
	seen := map[string]bool{}
	for _, n := range named {
		if p := pathOf(n.Repository); p != "" && !seen[p] {
			seen[p] = true
			paths = append(paths, p)
		}
	}
	for i, image := range images {
		all = append(all, i)
		if fits(pathOf(image), paths) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return all
	}
	return fit
}

func fits(path string, named []string) bool {
	for _, n := range named {
		if path == n || strings.HasSuffix(path, "/"+n) || strings.HasSuffix(n, "/"+path) {
			return true
		}
	}
	return false
}

// pathOf is an image's name without its host and without Docker Hub's `library/`, in lower case.
func pathOf(image string) string {
	first, rest, ok := strings.Cut(image, "/")
	if ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		image = rest
	}
	return strings.ToLower(strings.TrimPrefix(strings.Trim(image, "/"), "library/"))
}
