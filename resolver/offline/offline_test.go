// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package offline_test

import (
	"testing"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/offline"
)

func requestOf(r string) *resolverv1.ResolveRequest {
	return &resolverv1.ResolveRequest{
		Source: &resolverv1.ResolveRequest_TagList{TagList: &resolverv1.TagList{Tags: []string{"1.0.0", "1.1.0", "x"}}},
		Policy: &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{Range: r}}},
	}
}

func TestAnswersWithoutAServer(t *testing.T) {
	resolver := offline.New()
	resp, err := resolver.Resolve(t.Context(), requestOf("1.x"))
	if err != nil || resp.GetLatestRef().GetTag() != "1.1.0" {
		t.Errorf("resolved %v, %v", resp, err)
	}
	explained, err := resolver.Explain(t.Context(), &resolverv1.ExplainRequest{Request: requestOf("1.x")})
	if err != nil || len(explained.GetVerdicts()) != 3 || explained.GetVerdicts()[0].GetVerdict() != resolverv1.Verdict_VERDICT_SELECTED {
		t.Errorf("explained %v, %v", explained, err)
	}
}

func TestRefusesAsAServerDoes(t *testing.T) {
	resolver := offline.New()
	for name, c := range map[string]struct {
		req    *resolverv1.ResolveRequest
		reason metav1.ErrorReason
	}{
		"a bad range": {requestOf("newest"), metav1.ErrorReason_ERROR_REASON_INVALID_FIELD},
		"no range":    {requestOf(""), metav1.ErrorReason_ERROR_REASON_INVALID_FIELD},
		"no source":   {&resolverv1.ResolveRequest{}, metav1.ErrorReason_ERROR_REASON_INVALID_FIELD},
		"no tag":      {requestOf("9.x"), metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED},
		"a repository": {&resolverv1.ResolveRequest{Source: &resolverv1.ResolveRequest_ImageRepositoryRef{
			ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "app"},
		}}, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND},
	} {
		if _, err := resolver.Resolve(t.Context(), c.req); rpcerr.Reason(err) != c.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := resolver.Explain(t.Context(), &resolverv1.ExplainRequest{}); err == nil {
		t.Error("nothing was explained")
	}
}
