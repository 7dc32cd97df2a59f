// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

func TestTimeout(t *testing.T) {
	for _, tt := range []struct{ timeout, interval, want time.Duration }{
		{0, 0, time.Minute},
		{0, 30 * time.Second, 30 * time.Second},
		{0, 24 * time.Hour, 10 * time.Minute},
		{5 * time.Second, time.Hour, 5 * time.Second},
		{2 * time.Hour, time.Minute, 2 * time.Hour},
	} {
		spec := &scannerv1.ImageRepositorySpec{Interval: durationpb.New(tt.interval)}
		if tt.timeout > 0 {
			spec.Timeout = durationpb.New(tt.timeout)
		}
		if got := Timeout(spec); got != tt.want {
			t.Errorf("timeout %s, interval %s: %s, want %s", tt.timeout, tt.interval, got, tt.want)
		}
	}
}

// unasked fails the test when a registry is asked.
type unasked struct{ t *testing.T }

func (u unasked) List(context.Context, registry.CanonicalName, registry.Options) (registry.Listing, error) {
	u.t.Error("the registry was asked")
	return registry.Listing{}, nil
}

func (u unasked) Head(context.Context, registry.CanonicalName, string, registry.Options) (string, error) {
	u.t.Error("the registry was asked")
	return "", nil
}

type broken struct{}

func (broken) Get(context.Context, string, string) (secret.Secret, string, error) {
	return nil, "", errors.New("read hunter2: permission denied")
}

func TestSecretsThatAreOfNoUseAreNamedAndNotShown(t *testing.T) {
	memory := &secret.Memory{}
	for name, content := range map[string]secret.Secret{
		"keyless": {"password": []byte("hunter2")},
		"invalid": {".dockerconfigjson": []byte(`{"auths": hunter2}`)},
	} {
		if err := memory.Set("apps", name, content); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		from secret.Source
		want string
	}{
		{"absent", memory, "secret 'apps/absent' not found: it is looked for as the folder apps/absent below --secrets-dir, " +
			"and among the v1/Secret manifests of `tidemark up`"},
		{"keyless", memory, "secret 'apps/keyless' has no key '.dockerconfigjson', which should hold a docker config"},
		{"invalid", memory, "key '.dockerconfigjson' of secret 'apps/invalid': invalid docker config: not JSON of the form {\"auths\": {…}}"},
		{"other", broken{}, "secret 'apps/other' cannot be read from the folder apps/other below --secrets-dir; the log says why"},
	} {
		s := &Source{Registry: unasked{t}, Secrets: tt.from}
		_, err := s.List(t.Context(), &scannerv1.ImageRepository{
			Metadata: &metav1.ObjectMeta{Namespace: "apps", Name: "x"},
			Spec:     &scannerv1.ImageRepositorySpec{Image: "a", SecretRef: &metav1.LocalObjectReference{Name: tt.name}},
		})
		failure, ok := errors.AsType[*Error](err)
		if !ok || failure.Sentence != tt.want || failure.Reason != ReasonAuthenticationFailed || failure.Stalled {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		if ok && strings.Contains(failure.Sentence, "hunter2") {
			t.Errorf("%s: %q shows what is in the secret", tt.name, failure.Sentence)
		}
	}
}
