// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// latestRef is a policy's answer.
func latestRef(t *testing.T, w *harness.World, name string) *resolverv1.ImageRef {
	t.Helper()
	return policy(t, w, name).GetStatus().GetLatestRef()
}

func policy(t *testing.T, w *harness.World, name string) *resolverv1.ImagePolicy {
	t.Helper()
	got, err := w.Policies().GetImagePolicy(t.Context(), &resolverv1.GetImagePolicyRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetImagePolicy()
}

func repository(t *testing.T, w *harness.World, name string) *scannerv1.ImageRepository {
	t.Helper()
	got, err := w.Repositories().GetImageRepository(t.Context(), &scannerv1.GetImageRepositoryRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetImageRepository()
}

func automation(t *testing.T, w *harness.World, name string) *updaterv1.ImageUpdateAutomation {
	t.Helper()
	got, err := w.Automations().GetImageUpdateAutomation(t.Context(), &updaterv1.GetImageUpdateAutomationRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetImageUpdateAutomation()
}

func source(t *testing.T, w *harness.World, name string) *updaterv1.GitRepository {
	t.Helper()
	got, err := w.Sources().GetGitRepository(t.Context(), &updaterv1.GetGitRepositoryRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetGitRepository()
}

func deleteRepository(t *testing.T, w *harness.World, name string) {
	t.Helper()
	_, err := w.Repositories().DeleteImageRepository(t.Context(), &scannerv1.DeleteImageRepositoryRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
}
