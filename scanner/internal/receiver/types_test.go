// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
)

const token = "spring-tide"

// example is a call as callers of a type make it.
type example struct {
	kind   scannerv1.ReceiverType
	body   string
	header map[string]string
	// proof is the header that proves the call; empty: the path does.
	proof string
	want  []receiver.Image
	event string
}

func mac(made func() hash.Hash, body string) string {
	m := hmac.New(made, []byte(token))
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

const (
	packageBody = `{"action":"published","registry_package":{"name":"App","namespace":"Team","owner":{"login":"Team"},` +
		`"package_version":{"container_metadata":{"tag":{"name":"1.1.0","digest":"sha256:aa"}}}}}`
	nexusBody  = `{"action":"CREATED","repositoryName":"docker","component":{"format":"docker","name":"team/app","version":"1.1.0"}}`
	distroBody = `{"events":[{"action":"push","target":{"mediaType":"application/octet-stream","repository":"team/app"}},` +
		`{"action":"pull","target":{"repository":"team/app","tag":"1.0.0"}},` +
		`{"action":"push","target":{"repository":"team/app","tag":"1.1.0"},"request":{"host":"registry.example:5000"}}]}`
	eventBody = `{"context":{"version":"0.4.1","id":"1","source":"/ci","type":"dev.cdevents.artifact.published.0.2.0","timestamp":"2026-08-01T12:00:00Z"},` +
		`"subject":{"id":"pkg:oci/app@sha256%3Aaa?repository_url=registry.example/team/app&tag=1.1.0","type":"artifact","content":{}}}`
)

func examples() map[string]example {
	app := func(name string) []receiver.Image { return []receiver.Image{{Repository: name, Tag: "1.1.0"}} }
	return map[string]example{
		"generic": {kind: scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, body: "anything"},
		"generic-hmac": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_HMAC, body: "anything", proof: "X-Signature",
			header: map[string]string{"X-Signature": "sha256=" + mac(sha256.New, "anything")},
		},
		"generic-hmac, sha512": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_HMAC, body: "anything", proof: "X-Signature",
			header: map[string]string{"X-Signature": "sha512=" + mac(sha512.New, "anything")},
		},
		"github": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_GITHUB, body: packageBody, proof: "X-Hub-Signature-256", event: "registry_package",
			header: map[string]string{"X-Hub-Signature-256": "sha256=" + mac(sha256.New, packageBody), "X-GitHub-Event": "registry_package"},
			want:   app("ghcr.io/team/app"),
		},
		"github, sha1": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_GITHUB, body: "{}", proof: "X-Hub-Signature", event: "push",
			header: map[string]string{"X-Hub-Signature": "sha1=" + mac(sha1.New, "{}"), "X-GitHub-Event": "push"},
		},
		"gitlab": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_GITLAB, body: "{}", proof: "X-Gitlab-Token", event: "Push Hook",
			header: map[string]string{"X-Gitlab-Token": token, "X-Gitlab-Event": "Push Hook"},
		},
		"bitbucket": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_BITBUCKET, body: "{}", proof: "X-Hub-Signature", event: "repo:refs_changed",
			header: map[string]string{"X-Hub-Signature": "sha256=" + mac(sha256.New, "{}"), "X-Event-Key": "repo:refs_changed"},
		},
		"harbor": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_HARBOR, proof: "Authorization", event: "PUSH_ARTIFACT",
			header: map[string]string{"Authorization": token},
			body: `{"type":"PUSH_ARTIFACT","event_data":{"resources":[{"tag":"1.1.0","resource_url":"harbor.example/team/app:1.1.0"}],` +
				`"repository":{"repo_full_name":"team/app"}}}`,
			want: app("harbor.example/team/app"),
		},
		"dockerhub": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_DOCKERHUB,
			body: `{"push_data":{"tag":"1.1.0"},"repository":{"repo_url":"https://hub.docker.com/r/team/app/"}}`,
			want: app("index.docker.io/team/app"),
		},
		"quay": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_QUAY, body: `{"docker_url":"quay.io/team/app","updated_tags":["1.1.0"]}`,
			want: app("quay.io/team/app"),
		},
		"quay, older": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_QUAY, body: `{"docker_url":"quay.io/team/app","updated_tags":{"1.1.0":"id"}}`,
			want: app("quay.io/team/app"),
		},
		"nexus": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_NEXUS, body: nexusBody, proof: "X-Nexus-Webhook-Signature", event: "CREATED",
			header: map[string]string{"X-Nexus-Webhook-Signature": mac(sha1.New, nexusBody)}, want: app("team/app"),
		},
		"acr": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_ACR, event: "push",
			body: `{"action":"push","target":{"repository":"team/app","tag":"1.1.0"},"request":{"host":"team.azurecr.io"}}`,
			want: app("team.azurecr.io/team/app"),
		},
		"cdevents": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_CDEVENTS, body: eventBody, event: "dev.cdevents.artifact.published.0.2.0",
			header: map[string]string{"Ce-Type": "dev.cdevents.artifact.published.0.2.0"}, want: app("registry.example/team/app"),
		},
		"distribution": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_DISTRIBUTION, body: distroBody, proof: "Authorization", event: "push",
			header: map[string]string{"Authorization": "Bearer " + token}, want: app("registry.example:5000/team/app"),
		},
		"ghcr": {
			kind: scannerv1.ReceiverType_RECEIVER_TYPE_GHCR, body: packageBody, proof: "X-Hub-Signature-256", event: "registry_package",
			header: map[string]string{"X-Hub-Signature-256": "sha256=" + mac(sha256.New, packageBody), "X-GitHub-Event": "registry_package"},
			want:   app("ghcr.io/team/app"),
		},
	}
}

func spec(kind scannerv1.ReceiverType, events ...string) *scannerv1.ReceiverSpec {
	return &scannerv1.ReceiverSpec{
		Type: kind, Events: events, SecretRef: &metav1.LocalObjectReference{Name: "webhook"},
		Resources: []*scannerv1.ReceiverResource{{Kind: receiver.KindImageRepository, Name: "app"}},
	}
}

func compiled(tb testing.TB, s *scannerv1.ReceiverSpec, issuers *receiver.Issuers) *receiver.Receiver {
	tb.Helper()
	r, err := receiver.Compile(s, receiver.Credential{Token: []byte(token)}, issuers)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func (e example) call() receiver.Call {
	header := http.Header{}
	for name, value := range e.header {
		header.Set(name, value)
	}
	return receiver.Call{Header: header, Body: []byte(e.body)}
}

func TestEachTypeBelievesAProvenCallAndReadsItsImages(t *testing.T) {
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			notice, err := compiled(t, spec(e.kind), nil).Read(t.Context(), e.call())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e.want, notice.Images); diff != "" {
				t.Error(diff)
			}
			if notice.Event != e.event || notice.Idle {
				t.Errorf("event %q, idle %v", notice.Event, notice.Idle)
			}
		})
	}
}

func TestNoTypeBelievesAWrongOrAbsentProof(t *testing.T) {
	for name, e := range examples() {
		if e.proof == "" {
			continue
		}
		right := e.header[e.proof]
		for what, change := range map[string]func(receiver.Call){
			"absent":          func(c receiver.Call) { c.Header.Del(e.proof) },
			"empty":           func(c receiver.Call) { c.Header.Set(e.proof, "") },
			"one bit off":     func(c receiver.Call) { c.Header.Set(e.proof, right[:len(right)-1]+string(right[len(right)-1]^1)) },
			"cut off":         func(c receiver.Call) { c.Header.Set(e.proof, right[:len(right)-2]) },
			"longer":          func(c receiver.Call) { c.Header.Set(e.proof, right+"00") },
			"another's token": func(c receiver.Call) { c.Header.Set(e.proof, "neap-tide") },
			"no algorithm":    func(c receiver.Call) { c.Header.Set(e.proof, "md5=00") },
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				call := e.call()
				change(call)
				if _, err := compiled(t, spec(e.kind), nil).Read(t.Context(), call); !errors.Is(err, receiver.ErrNotProven) {
					t.Errorf("the error is %v", err)
				}
			})
		}
	}
}

func TestASignatureIsOfTheBody(t *testing.T) {
	for name, e := range examples() {
		switch e.kind {
		case scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_HMAC, scannerv1.ReceiverType_RECEIVER_TYPE_GITHUB,
			scannerv1.ReceiverType_RECEIVER_TYPE_BITBUCKET, scannerv1.ReceiverType_RECEIVER_TYPE_NEXUS,
			scannerv1.ReceiverType_RECEIVER_TYPE_GHCR:
		default:
			continue
		}
		t.Run(name, func(t *testing.T) {
			call := e.call()
			call.Body = append(call.Body, ' ')
			if _, err := compiled(t, spec(e.kind), nil).Read(t.Context(), call); !errors.Is(err, receiver.ErrNotProven) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestEventsAreFilteredAsFluxDoes(t *testing.T) {
	all := examples()
	for name, test := range map[string]struct {
		example string
		events  []string
		want    error
		idle    bool
	}{
		"named":                         {"gitlab", []string{"push hook"}, nil, false},
		"not named":                     {"gitlab", []string{"Tag Push Hook"}, receiver.ErrEvent, false},
		"github's header":               {"github", []string{"push"}, receiver.ErrEvent, false},
		"cdevents' header":              {"cdevents", []string{"dev.cdevents.service.deployed.0.1.0"}, receiver.ErrEvent, false},
		"bitbucket's header":            {"bitbucket", []string{"repo:refs_changed"}, nil, false},
		"without effect with quay":      {"quay", []string{"push"}, nil, false},
		"the registry's, left out":      {"distribution", []string{"delete"}, nil, true},
		"the registry's, pulls as well": {"distribution", []string{"pull"}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := all[test.example]
			notice, err := compiled(t, spec(e.kind, test.events...), nil).Read(t.Context(), e.call())
			if !errors.Is(err, test.want) || (test.want == nil) != (err == nil) || notice.Idle != test.idle {
				t.Errorf("idle %v, error %v", notice.Idle, err)
			}
		})
	}
}

func TestPayloadsThatAreNoneAreRefused(t *testing.T) {
	all := examples()
	for name, test := range map[string]struct{ example, body string }{
		"dockerhub":        {"dockerhub", "<html>"},
		"quay":             {"quay", `{"updated_tags":7}`},
		"acr":              {"acr", ""},
		"cdevents":         {"cdevents", `{"context":{}}`},
		"cdevents, others": {"cdevents", `{"context":{"type":"com.example"},"subject":{"id":"x"}}`},
		"distribution":     {"distribution", `{"events":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := all[test.example]
			e.body = test.body
			if _, err := compiled(t, spec(e.kind), nil).Read(t.Context(), e.call()); !errors.Is(err, receiver.ErrPayload) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestNarrowKeepsWhatAPayloadMayMean(t *testing.T) {
	images := []string{"registry.example/team/app", "mirror.example/proxy/team/app", "registry.example/team/other", "nginx"}
	for name, test := range map[string]struct {
		named []string
		want  []int
	}{
		"nothing named":            {nil, []int{0, 1, 2, 3}},
		"by any host":              {[]string{"internal:5000/team/app"}, []int{0, 1}},
		"without a host":           {[]string{"Team/Other"}, []int{2}},
		"an official image":        {[]string{"index.docker.io/library/nginx"}, []int{3}},
		"two":                      {[]string{"team/other", "library/nginx"}, []int{2, 3}},
		"what fits nothing is all": {[]string{"team/ap"}, []int{0, 1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			var named []receiver.Image
			for _, repository := range test.named {
				named = append(named, receiver.Image{Repository: repository})
			}
			if diff := cmp.Diff(test.want, receiver.Narrow(images, named)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFiltersAreBounded(t *testing.T) {
	s := spec(scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC)
	s.ResourceFilter = `req.list.all(a, req.list.all(b, req.list.all(c, a + b + c >= 0.0)))`
	body := `{"list":[1`
	for range 5000 {
		body += ",1"
	}
	notice := receiver.Notice{Payload: []byte(body + `]}`)}
	_, err := compiled(t, s, nil).Filters(notice).Let(t.Context(), 0, func() (map[string]any, error) { return map[string]any{}, nil })
	if !errors.Is(err, receiver.ErrFilter) {
		t.Errorf("the error is %v", err)
	}
}

func FuzzCalls(f *testing.F) {
	for _, e := range examples() {
		f.Add(int32(e.kind), []byte(e.body), e.header[e.proof], e.event)
	}
	f.Add(int32(scannerv1.ReceiverType_RECEIVER_TYPE_GCR), []byte(`{"message":{"data":"e30="}}`), "Bearer a.e30.c", "")
	f.Add(int32(scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_OIDC), []byte(`{}`), "Bearer a.eyJpc3MiOiJodHRwczovL2V4YW1wbGUuY29tIn0.c", "")
	f.Fuzz(func(t *testing.T, kind int32, body []byte, proof, event string) {
		s := spec(scannerv1.ReceiverType(kind))
		r, err := receiver.Compile(s, receiver.Credential{Token: []byte(token)}, &receiver.Issuers{GoogleKeys: noKeys{}})
		if err != nil {
			return // no such type
		}
		header := http.Header{}
		for _, name := range []string{
			"X-Signature", "X-Hub-Signature-256", "X-Hub-Signature", "X-Gitlab-Token", "Authorization", "X-Nexus-Webhook-Signature",
		} {
			header.Set(name, proof)
		}
		for _, name := range []string{"X-GitHub-Event", "X-Gitlab-Event", "X-Event-Key", "Ce-Type"} {
			header.Set(name, event)
		}
		notice, err := r.Read(context.Background(), receiver.Call{Header: header, Body: body})
		if err != nil {
			for _, known := range []error{receiver.ErrNotProven, receiver.ErrPayload, receiver.ErrEvent, receiver.ErrUnverifiable} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("an error of no kind: %v", err)
		}
		if len(notice.Images) > len(body) {
			t.Errorf("%d images of %d bytes", len(notice.Images), len(body))
		}
		receiver.Narrow([]string{"team/app"}, notice.Images)
	})
}

// FuzzPayloads reads payloads whose proof is right.
func FuzzPayloads(f *testing.F) {
	for _, e := range examples() {
		f.Add(int32(e.kind), []byte(e.body), e.event)
	}
	f.Fuzz(func(t *testing.T, kind int32, body []byte, event string) {
		r, err := receiver.Compile(spec(scannerv1.ReceiverType(kind)), receiver.Credential{Token: []byte(token)}, nil)
		if err != nil || kind == int32(scannerv1.ReceiverType_RECEIVER_TYPE_GCR) {
			return
		}
		header := http.Header{}
		signature := "sha256=" + mac(sha256.New, string(body))
		for name, value := range map[string]string{
			"X-Signature": signature, "X-Hub-Signature-256": signature, "X-Gitlab-Token": token, "X-GitHub-Event": event,
			"Authorization": token, "X-Nexus-Webhook-Signature": mac(sha1.New, string(body)), "Ce-Type": event,
		} {
			header.Set(name, value)
		}
		if kind == int32(scannerv1.ReceiverType_RECEIVER_TYPE_DISTRIBUTION) {
			header.Set("Authorization", "Bearer "+token)
		}
		_, err = r.Read(context.Background(), receiver.Call{Header: header, Body: body})
		if err != nil && !errors.Is(err, receiver.ErrPayload) {
			t.Errorf("a proven call is refused: %v", err)
		}
	})
}

type noKeys struct{}

func (noKeys) VerifySignature(context.Context, string) ([]byte, error) {
	return nil, errors.New("no such key")
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
