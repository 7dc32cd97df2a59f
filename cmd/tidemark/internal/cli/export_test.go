// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

func TestExportPrintsStoredObjects(t *testing.T) {
	s := populated()
	s.policies.objects["flux-system/app"].Spec = &resolverv1.ImagePolicySpec{
		Policy: &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{Range: "7.x"}}},
	}
	s.policies.objects["flux-system/waiting"].Spec = &resolverv1.ImagePolicySpec{
		Policy:     &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Latest{Latest: &resolverv1.LatestPolicy{}}},
		MinimumAge: &resolverv1.MinimumAge{Duration: durationpb.New(90 * time.Minute)},
	}
	s.automations.objects["flux-system/flux-system"].Spec = &updaterv1.ImageUpdateAutomationSpec{
		SourceRef: &updaterv1.SourceReference{Name: "infra"}, AllowDowngrade: true, Interval: durationpb.New(0),
		Git: &updaterv1.GitSpec{Commit: &updaterv1.CommitSpec{Author: &updaterv1.CommitAuthor{Email: "a@example.com"}}},
	}
	address := s.serve(t)
	for file, args := range map[string][]string{
		"repository.txt":     {"image", "repository", "app"},
		"policies.txt":       {"image", "policy", "--all"},
		"policies-own.txt":   {"image", "policy", "--all", "--tidemark"},
		"labels.txt":         {"images", "all", "-l", "team=web"},
		"all.txt":            {"image", "all"},
		"all-namespaces.txt": {"image", "repository", "-A"},
		"git.txt":            {"source", "git", "infra"},
		"receivers.txt":      {"receiver", "--all"},
	} {
		t.Run(file, func(t *testing.T) {
			got := tidemark(t, address, append([]string{"export"}, args...)...)
			if got.code != 0 {
				t.Errorf("exit code %d", got.code)
			}
			golden(t, "export/"+file, got.err+got.out)
		})
	}
}

func TestExportIsAppliedAsItWas(t *testing.T) {
	from, to := populated(), newServices()
	exported := tidemark(t, from.serve(t), "export", "image", "repository", "-A", "--tidemark").out
	address := to.serve(t)
	tidemarkWith(t, address, exported, "apply", "-f", "-").wants(t, terminal{
		out: "imagerepository/flux-system/app created\nimagerepository/flux-system/broken created\n" +
			"imagerepository/flux-system/new created\nimagerepository/tenants/resting created\n",
	})
	if again := tidemark(t, address, "export", "image", "repository", "-A", "--tidemark").out; again != exported {
		t.Errorf("exported again:\n%s\nwant:\n%s", again, exported)
	}
}

func TestExportSaysWhatIsNotThere(t *testing.T) {
	address := populated().serve(t)
	for want, args := range map[string][]string{
		"✗ name is required; for all of the namespace use --all\n":                           {"image", "policy"},
		"✗ ImagePolicy object 'none' not found in \"flux-system\" namespace\n":               {"image", "policy", "none"},
		"✗ no ImagePolicy objects found in \"apps\" namespace\n":                             {"image", "policy", "--all", "-n", "apps"},
		"✗ give names, or --all, or --label-selector, but not names and one of the others\n": {"image", "policy", "a", "-A"},
		"✗ unknown command \"plicy\" for \"tidemark export image\"; did you mean policy?\n":  {"image", "plicy"},
	} {
		tidemark(t, address, append([]string{"export"}, args...)...).wants(t, terminal{err: want, code: 1})
	}
}
