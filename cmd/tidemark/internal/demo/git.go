// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"strings"
)

// awaitCommit waits for the branch's n-th commit, shows it with its diff, and makes sure that the diff is one line and
// sets the tag.
func (s *story) awaitCommit(ctx context.Context, n int, tag string) error {
	if err := poll(ctx, func() (bool, error) {
		log, err := s.git.Log(gitRepository, "main")
		return len(log) >= n, err
	}, "commit %d was not seen", n); err != nil {
		return err
	}
	if err := s.commitsAre(n); err != nil {
		return err
	}
	log, err := s.git.Log(gitRepository, "main")
	if err != nil {
		return err
	}
	message, _, _ := strings.Cut(log[0].Message, "\n")
	say(s.out(), "✔", "commit %s: %s", log[0].ID[:7], message)
	if err := s.awaitReady(ctx, s.automation, log[0].ID[:7]); err != nil {
		return err
	}
	if err := s.showDiff(); err != nil {
		return err
	}
	return s.showDeployment(tag)
}

// commitsAre makes sure that nobody committed more than the story told.
func (s *story) commitsAre(n int) error {
	log, err := s.git.Log(gitRepository, "main")
	if err == nil && len(log) != n {
		err = fmt.Errorf("main has %d commits, want %d", len(log), n)
	}
	return err
}

// showDiff prints the last commit's diff, which must change one line.
func (s *story) showDiff() error {
	diff, err := s.git.Diff(gitRepository, "main")
	if err != nil {
		return err
	}
	added := 0
	for line := range strings.Lines(diff) {
		_, _ = fmt.Fprint(s.out(), "    ", line)
		if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++") {
			added++
		}
	}
	if added != 1 {
		return fmt.Errorf("the commit changes %d lines, want 1", added)
	}
	return nil
}

// showDeployment prints the line of the Deployment that names the image, which must have the tag.
func (s *story) showDeployment(tag string) error {
	content, err := s.git.ReadFile(gitRepository, "main", deployment)
	if err != nil {
		return err
	}
	for line := range strings.Lines(content) {
		if !strings.Contains(line, "image:") {
			continue
		}
		say(s.out(), "✔", "%s in Git says: %s", deployment, strings.TrimSpace(line))
		if !strings.Contains(line, image+":"+tag+" ") {
			return fmt.Errorf("it should say %s", tag)
		}
		return nil
	}
	return fmt.Errorf("%s has no image", deployment)
}
