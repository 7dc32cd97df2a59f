// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
)

func TestURLsThatMeanTheSameAreOne(t *testing.T) {
	for _, same := range [][]string{
		{"https://example.com/a/b", "https://EXAMPLE.com/a/b", "HTTPS://example.com:443/a/b", "https://example.com/a/b/", "https://example.com/a/b.git"},
		{"http://example.com:80/a", "http://example.com/a"},
		{"ssh://git@example.com/a.git", "ssh://git@example.com:22/a"},
		{"http://[::1]:80/a", "http://[::1]/a"},
	} {
		for _, url := range same {
			if normalURL(url) != normalURL(same[0]) {
				t.Errorf("%s is %s, and %s is %s", url, normalURL(url), same[0], normalURL(same[0]))
			}
		}
	}
	seen := map[string]string{}
	for _, url := range []string{
		"https://example.com/a", "http://example.com/a", "https://example.com:80/a", "https://example.com/A", "https://example.com/a/b",
		"ssh://git@example.com/a", "ssh://other@example.com/a", "ssh://example.com/a", "https://example.org/a",
	} {
		if other := seen[normalURL(url)]; other != "" {
			t.Errorf("%s and %s are one", url, other)
		}
		seen[normalURL(url)] = url
	}
}

func TestTheBranchThatIsPushedTo(t *testing.T) {
	source := func(ref *updaterv1.GitRef, revision string) *updaterv1.GitRepository {
		return &updaterv1.GitRepository{Spec: &updaterv1.GitRepositorySpec{Ref: ref},
			Status: &updaterv1.GitRepositoryStatus{Artifact: &updaterv1.GitArtifact{Revision: revision}}}
	}
	const hash = "@sha1:1f3a9c2"
	head, dev := source(nil, "main"+hash), source(&updaterv1.GitRef{Branch: "dev"}, "dev"+hash)
	stale := source(nil, "main"+hash)
	stale.Metadata = &metav1.ObjectMeta{Generation: 2}
	stale.Status.ObservedGeneration = 1
	for name, test := range map[string]struct {
		automation spec.Automation
		source     *updaterv1.GitRepository
		want       string
	}{
		"the push branch first":                   {spec.Automation{PushBranch: "p", Checkout: &gitrepo.Ref{Branch: "c"}}, dev, "p"},
		"then the checkout's":                     {spec.Automation{Checkout: &gitrepo.Ref{Branch: "c"}}, dev, "c"},
		"then the source's":                       {spec.Automation{}, dev, "dev"},
		"HEAD, once it is known":                  {spec.Automation{}, head, "main"},
		"a branch with @":                         {spec.Automation{}, source(nil, "a@b"+hash), "a@b"},
		"HEAD, before":                            {spec.Automation{}, source(nil, ""), unknownHead},
		"HEAD of another spec":                    {spec.Automation{}, stale, unknownHead},
		"a detached HEAD":                         {spec.Automation{}, source(nil, "sha1:1f3a9c2"), unknownHead},
		"the checkout's HEAD":                     {spec.Automation{Checkout: &gitrepo.Ref{}}, head, "main"},
		"the checkout's HEAD, the source another": {spec.Automation{Checkout: &gitrepo.Ref{}}, dev, unknownHead},
		"a branch by its full name":               {spec.Automation{Checkout: &gitrepo.Ref{Name: "refs/heads/x", Branch: "y"}}, dev, "x"},
		"a tag":                                   {spec.Automation{Checkout: &gitrepo.Ref{Tag: "v1", Branch: "y"}}, dev, ""},
	} {
		if got := pushedTo(test.automation, test.source); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestProxiesProvidersAndSecretsKeepGroupsApart(t *testing.T) {
	d, e := stored(t)
	base := func() *updaterv1.GitRepositorySpec { return &updaterv1.GitRepositorySpec{Url: "https://example.com/a"} }
	at := func(change func(*updaterv1.GitRepositorySpec)) string {
		t.Helper()
		s := base()
		change(s)
		if _, _, err := d.Repositories.Apply(t.Context(), &updaterv1.GitRepository{
			Metadata: &metav1.ObjectMeta{Name: "gitops"}, Spec: s,
		}, object.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := d.Repositories.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		return d.groupOf(e.spec)
	}
	seen := map[string]string{}
	for name, change := range map[string]func(*updaterv1.GitRepositorySpec){
		"plain":            func(*updaterv1.GitRepositorySpec) {},
		"a secret":         func(s *updaterv1.GitRepositorySpec) { s.SecretRef = &metav1.LocalObjectReference{Name: "x"} },
		"a proxy":          func(s *updaterv1.GitRepositorySpec) { s.ProxySecretRef = &metav1.LocalObjectReference{Name: "x"} },
		"another provider": func(s *updaterv1.GitRepositorySpec) { s.Provider = updaterv1.GitProvider_GIT_PROVIDER_GITHUB },
		"another URL":      func(s *updaterv1.GitRepositorySpec) { s.Url = "https://example.com/b" },
		"another branch":   func(s *updaterv1.GitRepositorySpec) { s.Ref = &updaterv1.GitRef{Branch: "dev"} },
	} {
		group := at(change)
		if other := seen[group]; other != "" {
			t.Errorf("%s and %s are one group", name, other)
		}
		seen[group] = name
	}
	if seen[at(func(s *updaterv1.GitRepositorySpec) { s.Provider = updaterv1.GitProvider_GIT_PROVIDER_GENERIC })] != "plain" {
		t.Error("the provider's default is another group than its absence")
	}
	if seen[at(func(s *updaterv1.GitRepositorySpec) { s.Url = "https://example.com/a.git/" })] != "plain" {
		t.Error("another spelling of the URL is another group")
	}
}

func TestWhoFollowsHeadJoinsItsBranchOnceItIsKnown(t *testing.T) {
	d, web := stored(t)
	explicit, _, err := d.Automations.Apply(t.Context(), &updaterv1.ImageUpdateAutomation{
		Metadata: &metav1.ObjectMeta{Name: "explicit"},
		Spec: &updaterv1.ImageUpdateAutomationSpec{
			SourceRef: &updaterv1.SourceReference{Name: "gitops"},
			Git:       &updaterv1.GitSpec{Push: &updaterv1.PushSpec{Branch: "main"}},
		},
	}, object.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.takeAutomation(object.Event[*updaterv1.ImageUpdateAutomation]{Changed: explicit})
	other := d.entries[object.KeyOf("", "explicit")]
	saw := func(revision string) {
		t.Helper()
		source, err := d.Repositories.UpdateStatus(t.Context(), web.spec.Source, "", func(r *updaterv1.GitRepository) error {
			r.Status = &updaterv1.GitRepositoryStatus{ObservedGeneration: 1, Artifact: &updaterv1.GitArtifact{Revision: revision}}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Repositories.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.takeSource(object.Event[*updaterv1.GitRepository]{Changed: source})
	}
	source, _ := d.Repositories.Cached(web.spec.Source)
	d.takeSource(object.Event[*updaterv1.GitRepository]{Changed: source})
	if web.group == other.group || len(d.groups) != 2 {
		t.Error("they are one group though nobody knows what HEAD is")
	}
	web.due, other.due = time.Time{}, time.Time{}
	saw("main@sha1:1111111111111111111111111111111111111111")
	if web.group != other.group || len(d.groups) != 1 {
		t.Error("they are two groups though HEAD is that branch")
	}
	saw("main@sha1:2222222222222222222222222222222222222222")
	if !web.due.IsZero() || !other.due.IsZero() {
		t.Error("what was found out of the source makes runs")
	}
	saw("trunk@sha1:2222222222222222222222222222222222222222")
	if web.group == other.group {
		t.Error("they are one group though HEAD is another branch now")
	}
}

func TestASecretOfASourceMakesARunOfItsAutomations(t *testing.T) {
	d, e := stored(t)
	e.failures = 5
	d.SourceSecretChanged(object.KeyOf("", "other"))
	if !e.due.IsZero() {
		t.Error("another source's secret makes a run")
	}
	d.SourceSecretChanged(object.KeyOf("", "gitops"))
	if e.due.IsZero() || e.trigger != updaterv1.RunTrigger_RUN_TRIGGER_SPEC || e.failures != 0 {
		t.Errorf("due %v, %v, after %d failures", e.due, e.trigger, e.failures)
	}
	e.due, e.suspended = time.Time{}, true
	d.SourceSecretChanged(object.KeyOf("", "gitops"))
	if !e.due.IsZero() {
		t.Error("what is suspended runs")
	}
}

func TestAReleaseOfWhatWasRevertedMakesARun(t *testing.T) {
	d, e := stored(t)
	for range 2 {
		e.due = time.Time{}
		a, err := d.Automations.SetOverride(t.Context(), e.key, &metav1.Override{RevertRelease: &metav1.RevertRelease{Time: timestamppb.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			d.takeAutomation(object.Event[*updaterv1.ImageUpdateAutomation]{Changed: a})
			if e.due.IsZero() {
				t.Fatal("it makes no run")
			}
		}
	}
	e.due = time.Time{}
	a, err := d.Automations.Get(t.Context(), e.key)
	if err != nil {
		t.Fatal(err)
	}
	d.takeAutomation(object.Event[*updaterv1.ImageUpdateAutomation]{Changed: a})
	if !e.due.IsZero() {
		t.Error("it makes a run twice")
	}
}
