// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func (s *services) HoldImagePolicy(
	_ context.Context, r *resolverv1.HoldImagePolicyRequest,
) (*resolverv1.HoldImagePolicyResponse, error) {
	return s.hold(r)
}

func (s *services) ReleaseImagePolicy(
	_ context.Context, r *resolverv1.ReleaseImagePolicyRequest,
) (*resolverv1.ReleaseImagePolicyResponse, error) {
	return s.release(r)
}

func TestHoldImagePolicyPins(t *testing.T) {
	s := newServices()
	var asked *resolverv1.HoldImagePolicyRequest
	s.hold = func(r *resolverv1.HoldImagePolicyRequest) (*resolverv1.HoldImagePolicyResponse, error) {
		asked = r
		if r.GetTag() == "9.9.9" {
			return nil, rpcerr.Field("tag", "no such tag: ImageRepository 'flux-system/app' has no tag '9.9.9'")
		}
		hold := &metav1.Hold{Tag: r.GetTag(), Actor: r.GetActor(), Reason: r.GetReason()}
		status := &resolverv1.ImagePolicyStatus{Conditions: isReady("")}
		if r.GetCurrent() != nil {
			hold.Tag = "7.8.1"
			status.Conditions = isNotReady("ReadOperationFailed", "failed to read the digest of app:7.8.1: the registry is asleep")
		}
		if r.GetUntil() != nil {
			hold.Until = timestamppb.New(noon)
		}
		return &resolverv1.HoldImagePolicyResponse{ImagePolicy: &resolverv1.ImagePolicy{
			Override: &metav1.Override{Hold: hold}, Status: status,
		}}, nil
	}
	address := s.serve(t)
	begun := time.Now()
	tidemark(t, address, "hold", "image", "policy", "app", "--tag", "7.8.0", "--reason", "7.8.1 crashes", "--for", "4h", "--actor", "ops").wants(t,
		terminal{err: "► holding ImagePolicy app in flux-system namespace at 7.8.0\n✔ 7.8.0 is held until 2026-08-01T12:00:00Z\n"})
	if got := asked.GetUntil().AsTime(); asked.GetActor() != "ops" || asked.GetReason() != "7.8.1 crashes" ||
		got.Before(begun.Add(4*time.Hour)) || got.After(time.Now().Add(4*time.Hour)) {
		t.Errorf("asked: %v", asked)
	}
	tidemark(t, address, "hold", "images", "policy", "app", "-n", "apps", "--current", "--reason", "freeze").wants(t, terminal{
		err: "► holding ImagePolicy app in apps namespace at its current tag\n" +
			"⚠ failed to read the digest of app:7.8.1: the registry is asleep\n" +
			"✔ 7.8.1 is held until `tidemark release image policy app`\n",
	})
	if asked.GetActor() == "" || asked.GetUntil() != nil || asked.GetNamespace() != "apps" {
		t.Errorf("asked: %v", asked)
	}
	if got := tidemark(t, address, "hold", "image", "policy", "app", "--tag", "9.9.9", "--reason", "x"); got.code != 1 {
		t.Errorf("an unknown tag: %+v", got)
	}
}

func TestHoldWantsATagAndAReason(t *testing.T) {
	for want, args := range map[string][]string{
		"✗ ImagePolicy name is required\n": {"--current", "--reason", "x"},
		"✗ which tag is to be held? Give --tag, or --current for the one that is selected now\n": {"app", "--reason", "x"},
		"✗ --tag and --current exclude each other\n":                                             {"app", "--tag", "1", "--current", "--reason", "x"},
		"✗ --reason is required: the next person will want to know\n":                            {"app", "--tag", "1"},
		"✗ --for must be a time to come\n":                                                       {"app", "--tag", "1", "--reason", "x", "--for", "-1h"},
	} {
		tidemark(t, "", append([]string{"hold", "image", "policy"}, args...)...).wants(t, terminal{err: want, code: 1})
	}
}

func TestReleaseImagePolicySaysWhatIsSelected(t *testing.T) {
	s := newServices()
	s.release = func(r *resolverv1.ReleaseImagePolicyRequest) (*resolverv1.ReleaseImagePolicyResponse, error) {
		switch r.GetName() {
		case "app":
			return &resolverv1.ReleaseImagePolicyResponse{ImagePolicy: &resolverv1.ImagePolicy{Status: &resolverv1.ImagePolicyStatus{
				Conditions: isReady(""), LatestRef: &resolverv1.ImageRef{Name: "ghcr.io/x/y", Tag: "7.8.2"},
			}}}, nil
		case "new":
			return &resolverv1.ReleaseImagePolicyResponse{ImagePolicy: &resolverv1.ImagePolicy{}}, nil
		}
		return nil, rpcerr.New(codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND, "there is no ImagePolicy %s", r.GetName())
	}
	address := s.serve(t)
	const begin = "► releasing ImagePolicy "
	tidemark(t, address, "release", "image", "policy", "app").wants(t,
		terminal{err: begin + "app in flux-system namespace\n✔ selected ref ghcr.io/x/y:7.8.2\n"})
	tidemark(t, address, "release", "image", "policy", "new").wants(t,
		terminal{err: begin + "new in flux-system namespace\n✔ released; there is no answer yet\n"})
	if got := tidemark(t, address, "release", "image", "policy", "none"); got.code != 1 {
		t.Errorf("got %+v", got)
	}
}
