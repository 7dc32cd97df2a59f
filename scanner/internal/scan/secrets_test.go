// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

// referring applies an object with credentials, and a proxy if it has a name.
func (r *replica) applyReferring(name, credentials, proxy string, suspended bool) {
	r.t.Helper()
	spec := &scannerv1.ImageRepositorySpec{
		Image: "ghcr.io/" + name, Interval: durationpb.New(time.Hour), Suspend: suspended,
		SecretRef: &metav1.LocalObjectReference{Name: credentials},
	}
	if proxy != "" {
		spec.ProxySecretRef = &metav1.LocalObjectReference{Name: proxy}
	}
	_, _, err := r.state.Repositories.Apply(r.t.Context(), &scannerv1.ImageRepository{
		Metadata: &metav1.ObjectMeta{Name: name}, Spec: spec,
	}, object.ApplyOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, fits func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !fits(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func dockerConfig(password string) secret.Secret {
	return secret.Secret{".dockerconfigjson": []byte(`{"auths":{"ghcr.io":{"username":"u","password":"` + password + `"}}}`)}
}

func TestAChangedSecretIsScannedWith(t *testing.T) {
	secrets := &secret.Memory{}
	set := func(name string, content secret.Secret) {
		t.Helper()
		if err := secrets.Set(object.DefaultNamespace, name, content); err != nil {
			t.Fatal(err)
		}
	}
	set("registry", dockerConfig("1"))
	set("other", dockerConfig("1"))
	var app, beside atomic.Int64
	r := start(t, storetest.Open(t), func(_ context.Context, name string) ([]string, error) {
		if name == "ghcr.io/app" {
			app.Add(1)
		} else {
			beside.Add(1)
		}
		return []string{"1"}, nil
	}, func(l *Loop) {
		l.secretsEvery = time.Millisecond
		l.source.Secrets = secrets
	})
	r.applyReferring("app", "registry", "proxy", false)
	r.applyReferring("beside", "other", "", false)
	r.until("beside", ready)
	r.until("app", func(o state.Repository) bool { return len(o.GetStatus().GetConditions()) > 0 && !ready(o) })
	if app.Load() != 0 {
		t.Error("the registry was asked without the proxy")
	}
	set("proxy", secret.Secret{"address": []byte("http://proxy.example:1")}) // the secret appears
	r.until("app", ready)
	for i, change := range []func(){
		func() { set("registry", dockerConfig("2")) },
		func() { set("proxy", secret.Secret{"address": []byte("http://proxy.example:2")}) },
		func() { set("proxy", secret.Secret{"address": []byte("http://proxy.example:3")}) },
	} {
		before := app.Load()
		change()
		eventually(t, "there is a scan", func() bool { return app.Load() > before })
		if app.Load() > before+1 {
			t.Errorf("change %d caused %d scans", i, app.Load()-before)
		}
	}
	secrets.Delete(object.DefaultNamespace, "registry") // the secret vanishes
	r.until("app", func(o state.Repository) bool { return !ready(o) })
	if n := beside.Load(); n != 1 {
		t.Errorf("the repository whose secret is the same was scanned %d times", n)
	}
}

func TestASecretThatChangedWhileTheObjectRestedIsScannedWithAfterwards(t *testing.T) {
	secrets := &secret.Memory{}
	if err := secrets.Set(object.DefaultNamespace, "registry", dockerConfig("1")); err != nil {
		t.Fatal(err)
	}
	var scans atomic.Int64
	r := start(t, storetest.Open(t), func(context.Context, string) ([]string, error) {
		scans.Add(1)
		return []string{"1"}, nil
	}, func(l *Loop) {
		l.secretsEvery = time.Millisecond
		l.source.Secrets = secrets
	})
	r.applyReferring("app", "registry", "", false)
	r.until("app", ready)
	r.applyReferring("app", "registry", "", true)
	key := object.KeyOf("", "app")
	eventually(t, "it rests", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.known[key].suspended
	})
	before := scans.Load()
	if err := secrets.Set(object.DefaultNamespace, "registry", dockerConfig("2")); err != nil {
		t.Fatal(err)
	}
	if referring := r.referring(); len(referring) != 0 {
		t.Errorf("the secrets of an object that rests are looked at: %v", referring)
	}
	if scans.Load() != before {
		t.Error("it was scanned while it rested")
	}
	r.applyReferring("app", "registry", "", false)
	eventually(t, "there is a scan", func() bool { return scans.Load() > before })
}

func TestVersionsAreComparedWithThoseOfTheLastScan(t *testing.T) {
	l := &Loop{known: map[object.Key]tracked{}, owner: everything{}}
	key, secrets := object.KeyOf("a", "b"), []object.Key{object.KeyOf("a", "s")}
	l.known[key] = tracked{secrets: secrets}
	l.sawSecrets(key, slices.Clone(secrets), "1")
	if got := l.known[key]; got.version != "1" || !got.next.IsZero() {
		t.Errorf("the first version is one to compare with: %+v", got)
	}
	l.sawSecrets(key, nil, "2")
	l.sawSecrets(object.KeyOf("a", "gone"), secrets, "2")
	if got := l.known[key]; got.version != "1" || !got.next.IsZero() || len(l.known) != 1 {
		t.Errorf("what was seen of other references counts for nothing: %+v", got)
	}
}
