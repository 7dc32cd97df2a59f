// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

const (
	never        = resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_NEVER
	ifNotPresent = resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_IF_NOT_PRESENT
	always       = resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS

	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestPoliciesOfEachKindAreAnswered(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "7.8.0", "7.8.1", "7.9.0", "main-aa-10", "main-bb-9", "latest")
	for name, tt := range map[string]struct {
		set  option
		want string
	}{
		"semver":       {semver("7.8.x"), "7.8.1"},
		"alphabetical": {func(p *resolverv1.ImagePolicy) { p.Spec.Policy = alphabeticalChoice(0) }, "main-bb-9"},
		"descending": {func(p *resolverv1.ImagePolicy) {
			p.Spec.Policy = alphabeticalChoice(resolverv1.SortOrder_SORT_ORDER_DESC)
		}, "1.0.0"},
		"numerical": {func(p *resolverv1.ImagePolicy) {
			p.Spec.Policy = numericalChoice(resolverv1.SortOrder_SORT_ORDER_ASC)
			filter(`^main-[a-f0-9]+-(?P<n>\d+)$`, "$n")(p)
		}, "main-aa-10"},
		"nothing": {func(*resolverv1.ImagePolicy) {}, "7.9.0"},
		"latest": {func(p *resolverv1.ImagePolicy) {
			p.Spec.Policy = &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Latest{Latest: &resolverv1.LatestPolicy{}}}
		}, "7.9.0"},
	} {
		s.apply(policyOf(name, "app", tt.set))
		p := s.awaitMessage(name, "Succeeded", "Latest image tag for registry.test/app resolved to "+tt.want)
		if got := p.GetStatus().GetLatestImage(); got != "registry.test/app:"+tt.want {
			t.Errorf("%s: latest_image is %q", name, got)
		}
		if got := p.GetStatus().GetTagSetRevision(); got != 1 {
			t.Errorf("%s: tag_set_revision is %d", name, got)
		}
	}
	if whole, _, _ := s.scanner.counts(); whole != 1 {
		t.Errorf("the tags were transferred %d times for one index", whole)
	}
	s.scanner.push("flux-system/app", "1.0.0", "7.8.0", "7.8.1", "7.9.0", "main-aa-10", "main-bb-9", "latest", "0.0.1")
	s.awaitTag("latest", "0.0.1") // the most recent
}

func TestUnreadableNumbersAreReported(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1", "2", "two")
	s.apply(policyOf("app", "app", func(p *resolverv1.ImagePolicy) { p.Spec.Policy = numericalChoice(0) }))
	p := s.awaitTag("app", "2")
	if got := p.GetStatus().GetWarnings(); len(got) != 1 || got[0] != "1 of 3 tags are no decimal number and were skipped: 'two'" {
		t.Errorf("warnings: %q", got)
	}
}

func TestNewTagsArriveAsDeltasAndMoveTheAnswer(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "7.8.0", "7.8.1")
	s.apply(policyOf("app", "app", semver("7.8.x")))
	s.awaitTag("app", "7.8.1")
	s.scanner.push("flux-system/app", "7.8.1", "7.8.2", "7.9.0")
	p := s.awaitMessage("app", "Succeeded",
		"Latest image tag for registry.test/app resolved to 7.8.2 (previously registry.test/app:7.8.1)")
	if got := p.GetStatus().GetObservedPreviousRef(); got.GetTag() != "7.8.1" {
		t.Errorf("previous: %v", got)
	}
	if got := p.GetStatus().GetTrace().GetTraceparent(); len(got) < 35 || got[:35] != traceparent(2)[:35] {
		t.Errorf("the answer's trace is %q, the scan's was %q", got, traceparent(2))
	}
	whole, deltas, _ := s.scanner.counts()
	if whole != 1 || deltas == 0 {
		t.Errorf("%d whole transfers and %d deltas", whole, deltas)
	}
}

func TestAbsentRepositoryHealsAndItsEndKeepsTheAnswer(t *testing.T) {
	s := newStage(t)
	s.apply(policyOf("app", "app", semver("*")))
	absent := "referenced ImageRepository 'flux-system/app' does not exist; create it, or correct the reference"
	s.awaitMessage("app", "DependencyNotReady", absent)
	if _, err := s.reconcile("app"); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY {
		t.Errorf("reconcile: %v", err)
	}
	s.scanner.declare("flux-system/app")
	s.awaitMessage("app", "DependencyNotReady",
		"referenced ImageRepository 'flux-system/app' has not been scanned yet; if this lasts, its own conditions say why")
	s.scanner.push("flux-system/app", "1.0.0")
	s.awaitTag("app", "1.0.0")
	s.scanner.remove("flux-system/app")
	p := s.awaitMessage("app", "DependencyNotReady", absent)
	if got := p.GetStatus().GetLatestRef().GetTag(); got != "1.0.0" {
		t.Errorf("the last answer is %q", got)
	}
	s.scanner.push("flux-system/app", "0.5.0") // another object of that name
	s.awaitMessage("app", "Succeeded",
		"Latest image tag for registry.test/app resolved to 0.5.0 (previously registry.test/app:1.0.0)")
}

func TestOtherNamespacesNeedLeave(t *testing.T) {
	s := newStage(t)
	s.scanner.push("team/app", "1.0.0")
	s.apply(policyOf("guest/app", "team/app", semver("*")))
	s.apply(policyOf("team/app", "app", semver("*")))
	s.awaitTag("team/app", "1.0.0")
	denied := "ImageRepository 'team/app' can't be accessed from namespace 'guest'; allow the namespace in its spec.accessFrom"
	s.awaitMessage("guest/app", "AccessDenied", denied)
	_, err := s.reconcile("guest/app")
	if status.Code(err) != codes.PermissionDenied || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_ACCESS_DENIED {
		t.Errorf("reconcile: %v", err)
	}
	s.scanner.allow("team/app", "guest")
	s.awaitTag("guest/app", "1.0.0")
	s.scanner.allow("team/app")
	if p := s.awaitMessage("guest/app", "AccessDenied", denied); p.GetStatus().GetLatestRef().GetTag() != "1.0.0" {
		t.Error("the last answer is lost")
	}
	s.scanner.push("team/app", "1.0.0", "1.1.0")
	s.awaitTag("team/app", "1.1.0")
	if got := s.get("guest/app").GetStatus().GetLatestRef().GetTag(); got != "1.0.0" {
		t.Errorf("the guest got to see %q", got)
	}
}

func TestWhatOnePolicyLearnsTheOthersAreTold(t *testing.T) {
	s := newStage(t)
	s.scanner.push("team/app", "1.0.0")
	s.scanner.allow("team/app", "guest")
	for _, name := range []string{"team/a", "team/b", "guest/c"} {
		s.apply(policyOf(name, "team/app", semver("*")))
		s.awaitTag(name, "1.0.0")
	}
	s.scanner.update(func() { s.scanner.mute = true }) // the heads are late
	s.scanner.push("team/app", "1.0.0", "1.1.0")
	if _, err := s.reconcile("team/a"); err != nil {
		t.Fatal(err)
	}
	s.awaitTag("team/b", "1.1.0")
	s.awaitTag("guest/c", "1.1.0")
	s.scanner.allow("team/app")
	if _, err := s.reconcile("team/a"); err != nil {
		t.Fatal(err)
	}
	s.await("guest/c", "denied", func(p *resolverv1.ImagePolicy) bool {
		return conditions.Ready(p.GetStatus()).GetReason() == "AccessDenied"
	})
	s.scanner.update(func() { s.scanner.mute = false })
}

func TestFailureKeepsTheLastAnswer(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.apply(policyOf("app", "app", semver("*")))
	s.awaitTag("app", "1.0.0")
	for _, tt := range []struct {
		set     option
		message string
	}{
		{semver(">=2"), "unable to determine latest version from provided list"},
		{filter("^nothing$", ""), "version list argument cannot be empty"},
	} {
		s.apply(policyOf("app", "app", tt.set))
		p := s.awaitMessage("app", "Failure", tt.message)
		if p.GetStatus().GetLatestRef().GetTag() != "1.0.0" || conditions.IsTrue(p.GetStatus().GetConditions(), "Ready") {
			t.Errorf("status: %v", p.GetStatus())
		}
		_, err := s.reconcile("app")
		if status.Code(err) != codes.FailedPrecondition || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED {
			t.Errorf("reconcile: %v", err)
		}
	}
	s.apply(policyOf("app", "app", semver("1.x")))
	s.awaitMessage("app", "Succeeded", "Latest image tag for registry.test/app resolved to 1.0.0")
}

func TestWhatCannotBeAnsweredIsNotStored(t *testing.T) {
	s := newStage(t)
	for name, tt := range map[string]struct {
		set  option
		path string
	}{
		"range":               {semver("newest"), "imagePolicy.spec.policy.semver.range"},
		"empty range":         {semver(""), "imagePolicy.spec.policy.semver.range"},
		"pattern":             {filter("(", ""), "imagePolicy.spec.filterTags.pattern"},
		"extract alone":       {filter("", "$1"), "imagePolicy.spec.filterTags.extract"},
		"group":               {filter("a", "$x"), "imagePolicy.spec.filterTags.extract"},
		"always, no interval": {digest(always, 0), "imagePolicy.spec.interval"},
		"interval for never":  {digest(never, time.Minute), "imagePolicy.spec.interval"},
	} {
		_, err := s.policies.ApplyImagePolicy(s.ctx(), &resolverv1.ApplyImagePolicyRequest{ImagePolicy: policyOf("bad", "app", tt.set)})
		violations := rpcerr.FieldViolations(err)
		if status.Code(err) != codes.InvalidArgument || len(violations) != 1 || violations[0].Path != tt.path {
			t.Errorf("%s: %v, %v", name, err, violations)
		}
	}
	if _, err := s.policies.GetImagePolicy(s.ctx(), &resolverv1.GetImagePolicyRequest{Name: "bad"}); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
}

func TestStoredPolicyThatIsInvalidStalls(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	// As if an earlier version had taken it.
	if _, _, err := state.NewPolicies(s.store, s.tel.Logger()).Apply(s.ctx(), policyOf("app", "app", semver("1.2.3.4")), object.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	p := s.awaitMessage("app", "InvalidPolicy", `invalid policy: improper constraint: "1.2.3.4"`)
	if !conditions.IsTrue(p.GetStatus().GetConditions(), conditions.TypeStalled) {
		t.Errorf("conditions: %v", p.GetStatus().GetConditions())
	}
	s.apply(policyOf("app", "app", semver("*")))
	p = s.awaitTag("app", "1.0.0")
	if conditions.Get(p.GetStatus().GetConditions(), conditions.TypeStalled) != nil {
		t.Errorf("conditions: %v", p.GetStatus().GetConditions())
	}
}

func TestSuspendedPoliciesRest(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	for _, name := range []string{"spec", "override", "awake"} {
		s.apply(policyOf(name, "app", semver("*")))
		s.awaitTag(name, "1.0.0")
	}
	s.apply(policyOf("spec", "app", semver("*"), suspend))
	store := state.NewPolicies(s.store, s.tel.Logger())
	key := object.KeyOf("", "override")
	if _, err := store.SetOverride(s.ctx(), key, &metav1.Override{Suspension: &metav1.Suspension{Actor: "ops"}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"spec", "override"} {
		s.await(name, "suspended", state.Suspended)
		if _, err := s.reconcile(name); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED {
			t.Errorf("reconcile %s: %v", name, err)
		}
	}
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0")
	s.awaitTag("awake", "1.1.0")
	for _, name := range []string{"spec", "override"} {
		if got := s.get(name).GetStatus(); got.GetLatestRef().GetTag() != "1.0.0" || got.GetTagSetRevision() != 1 {
			t.Errorf("%s was evaluated: %v", name, got)
		}
	}
	s.apply(policyOf("spec", "app", semver("*")))
	if _, err := store.SetOverride(s.ctx(), key, nil); err != nil {
		t.Fatal(err)
	}
	s.awaitTag("spec", "1.1.0")
	s.awaitTag("override", "1.1.0")
}

func TestDigestsAreKeptAsThePolicySays(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.scanner.setDigest("registry.test/app:1.0.0", digestA)
	s.apply(policyOf("never", "app", digest(never, 0)))
	s.apply(policyOf("once", "app", digest(ifNotPresent, 0)))
	s.awaitMessage("never", "Succeeded", "Latest image tag for registry.test/app resolved to 1.0.0")
	p := s.awaitMessage("once", "Succeeded", "Latest image tag for registry.test/app resolved to 1.0.0 with digest "+digestA)
	if got := p.GetStatus().GetLatestImage(); got != "registry.test/app:1.0.0@"+digestA {
		t.Errorf("latest_image is %q", got)
	}
	s.apply(policyOf("always", "app", digest(always, time.Second)))
	s.await("always", "with a digest", hasDigest(digestA))
	s.scanner.setDigest("registry.test/app:1.0.0", digestB)
	s.awaitMessage("always", "Succeeded", "Latest image tag for registry.test/app resolved to 1.0.0 with digest "+digestB+
		" (previously registry.test/app:1.0.0@"+digestA+")")
	if p, err := s.reconcile("once"); err != nil || !hasDigest(digestA)(p) {
		t.Errorf("IfNotPresent read the digest again: %v, %v", p, err)
	}
	s.apply(policyOf("once", "app"))
	s.await("once", "without a digest", hasDigest(""))
}

func hasDigest(want string) func(*resolverv1.ImagePolicy) bool {
	return func(p *resolverv1.ImagePolicy) bool { return p.GetStatus().GetLatestRef().GetDigest() == want }
}

func TestMovedDigestsAreReadAtOnce(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.scanner.setDigest("registry.test/app:1.0.0", digestA)
	s.apply(policyOf("always", "app", semver("*"), digest(always, time.Hour)))
	s.apply(policyOf("once", "app", semver("*"), digest(ifNotPresent, 0)))
	s.await("always", "with a digest", hasDigest(digestA))
	s.await("once", "with a digest", hasDigest(digestA))
	s.scanner.setDigest("registry.test/app:1.0.0", digestB)
	s.scanner.push("flux-system/app", "1.0.0", "0.1.0")
	upToDate := func(p *resolverv1.ImagePolicy) bool {
		return p.GetStatus().GetTagSetRevision() == s.scanner.revisionOf("flux-system/app")
	}
	if p := s.await("always", "of the new tags", upToDate); !hasDigest(digestA)(p) {
		t.Errorf("its digest was read though nobody said that it moved: %v", p)
	}
	s.scanner.move("flux-system/app", "1.0.0", "")
	s.awaitMessage("always", "Succeeded", "Latest image tag for registry.test/app resolved to 1.0.0 with digest "+digestB+
		" (previously registry.test/app:1.0.0@"+digestA+")")
	s.scanner.setDigest("registry.test/app:1.0.0", digestA)
	s.scanner.move("flux-system/app", "", "1.0.0") // by the transfer alone, as where its head was missed
	s.await("always", "with the first digest again", hasDigest(digestA))
	_, _, reads := s.scanner.counts()
	s.scanner.push("flux-system/app", "1.0.0", "0.1.0", "0.2.0")
	s.await("always", "of the newest tags", upToDate)
	if _, _, now := s.scanner.counts(); now != reads {
		t.Errorf("%d digests were read though nothing moved", now-reads)
	}
	if p := s.get("once"); !hasDigest(digestA)(p) || p.GetStatus().GetObservedPreviousRef() != nil {
		t.Errorf("IfNotPresent read the digest again: %v", p)
	}
}

func TestFailedDigestKeepsTheLastAnswer(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.scanner.setDigest("registry.test/app:1.0.0", digestA)
	s.apply(policyOf("app", "app", semver("*"), digest(ifNotPresent, 0)))
	s.await("app", "with a digest", hasDigest(digestA))
	s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
	p := s.await("app", "not ready", func(p *resolverv1.ImagePolicy) bool {
		return conditions.Ready(p.GetStatus()).GetReason() == "ReadOperationFailed"
	})
	if got := conditions.Ready(p.GetStatus()).GetMessage(); got != "failed to read the digest of registry.test/app:2.0.0: the registry is asleep" {
		t.Errorf("message: %q", got)
	}
	if p.GetStatus().GetLatestRef().GetTag() != "1.0.0" || !hasDigest(digestA)(p) {
		t.Errorf("the last answer is lost: %v", p.GetStatus())
	}
	_, err := s.reconcile("app")
	if status.Code(err) != codes.Unavailable || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED {
		t.Errorf("reconcile: %v", err)
	}
	s.scanner.setDigest("registry.test/app:2.0.0", digestB)
	p, err = s.reconcile("app")
	if err != nil || p.GetStatus().GetLatestRef().GetTag() != "2.0.0" || !hasDigest(digestB)(p) {
		t.Errorf("reconcile: %v, %v", p, err)
	}
}

func TestReconcileSeesWhatTheScannerHasNow(t *testing.T) {
	s := newStage(t)
	s.apply(policyOf("app", "app", semver("*")))
	s.apply(policyOf("other", "app", semver("1.x")))
	tags := []string{"1.0.0"}
	for i := range 20 {
		want := fmt.Sprintf("1.1.%d", i)
		tags = append(tags, want)
		s.scanner.push("flux-system/app", tags...)
		if p, err := s.reconcile("app"); err != nil || p.GetStatus().GetLatestRef().GetTag() != want {
			t.Fatalf("got %v, %v; want %s", p.GetStatus(), err, want)
		}
	}
	s.awaitTag("other", "1.1.19") // which nobody asked about
	if _, err := s.reconcile("none"); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("of no such policy: %v", err)
	}
}

func TestDeletedAndMadeAgainIsEvaluatedAnew(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
	s.scanner.push("flux-system/other", "3.0.0")
	first := s.apply(policyOf("app", "app", semver("1.x")))
	s.awaitTag("app", "1.0.0")
	if _, err := s.policies.DeleteImagePolicy(s.ctx(), &resolverv1.DeleteImagePolicyRequest{Name: "app"}); err != nil {
		t.Fatal(err)
	}
	second := s.apply(policyOf("app", "app", semver("2.x")))
	p := s.awaitTag("app", "2.0.0")
	if first.GetMetadata().GetUid() == second.GetMetadata().GetUid() || p.GetStatus().GetObservedPreviousRef() != nil {
		t.Errorf("something of the first is left: %v", p)
	}
	s.apply(policyOf("app", "other", semver("*")))
	s.awaitTag("app", "3.0.0")
}

func TestApplyKeepsToTheContract(t *testing.T) {
	s := newStage(t)
	req := &resolverv1.ApplyImagePolicyRequest{ImagePolicy: policyOf("app", "app", semver("*")), ValidateOnly: true}
	resp, err := s.policies.ApplyImagePolicy(s.ctx(), req)
	if err != nil || resp.GetOutcome() != metav1.ApplyOutcome_APPLY_OUTCOME_CREATED {
		t.Fatalf("validate only: %v, %v", resp, err)
	}
	if _, err := s.policies.GetImagePolicy(s.ctx(), &resolverv1.GetImagePolicyRequest{Name: "app"}); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("it was stored: %v", err)
	}
	s.apply(req.GetImagePolicy())
	req.ValidateOnly = false
	if resp, err = s.policies.ApplyImagePolicy(s.ctx(), req); err != nil || resp.GetOutcome() != metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED {
		t.Errorf("again: %v, %v", resp, err)
	}
	stale := proto.CloneOf(resp.GetImagePolicy())
	s.apply(policyOf("app", "app", digest(always, time.Minute)))
	stale.Spec.Interval, stale.Spec.DigestReflectionPolicy = durationpb.New(time.Hour), always
	if _, err = s.policies.ApplyImagePolicy(s.ctx(), &resolverv1.ApplyImagePolicyRequest{ImagePolicy: stale}); !errors.Is(err, object.ErrStale) {
		t.Errorf("stale: %v", err)
	}
	list, err := s.policies.ListImagePolicies(s.ctx(), &resolverv1.ListImagePoliciesRequest{})
	if err != nil || len(list.GetImagePolicies()) != 1 {
		t.Errorf("list: %v, %v", list, err)
	}
}
