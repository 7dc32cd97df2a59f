// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli"
)

// beTidemark is set for a process that is to be the program, and not its test.
const beTidemark = "TIDEMARK_TEST_IS_TIDEMARK"

func TestMain(m *testing.M) {
	if os.Getenv(beTidemark) != "" {
		os.Exit(cli.Main())
	}
	// Times are shown in the zone of the person who asks; the goldens' person lives at UTC.
	time.Local = time.UTC
	os.Exit(m.Run())
}

// terminal is what a command left behind.
type terminal struct {
	out, err string
	code     int
}

// tidemark runs one command in this process, against the server at an address.
func tidemark(t *testing.T, address string, args ...string) terminal {
	t.Helper()
	return tidemarkWith(t, address, "", args...)
}

func tidemarkWith(t *testing.T, address, stdin string, args ...string) terminal {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(stdin), Out: &out, Err: &errs}, func(name string) string {
		if name == "TIDEMARK_SERVER" {
			return address
		}
		return ""
	})
	return terminal{out: out.String(), err: errs.String(), code: code}
}

// wants compares a command's streams and exit code.
func (got terminal) wants(t *testing.T, want terminal) {
	t.Helper()
	if got != want {
		t.Errorf("standard output (-want +got):\n%s\nstandard error:\n%s\nexit code %d, want %d",
			cmp.Diff(want.out, got.out), cmp.Diff(want.err, got.err), got.code, want.code)
	}
}

// golden compares text with testdata/<name>; TIDEMARK_UPDATE_GOLDENS=1 writes the file anew.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if os.Getenv("TIDEMARK_UPDATE_GOLDENS") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// live is a command that runs on, such as a watch.
type live struct {
	mu     sync.Mutex
	text   strings.Builder
	wrote  chan struct{}
	cancel context.CancelFunc
	code   chan int
}

func start(t *testing.T, args ...string) *live {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &live{wrote: make(chan struct{}, 1), cancel: cancel, code: make(chan int, 1)}
	go func() {
		l.code <- cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: l, Err: l}, func(string) string { return "" })
	}()
	t.Cleanup(cancel)
	return l
}

// Write takes what the command writes.
func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	select {
	case l.wrote <- struct{}{}:
	default:
	}
	return len(p), nil
}

// shows waits until all that was written is text.
func (l *live) shows(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		got := l.text.String()
		l.mu.Unlock()
		if got == text {
			return
		}
		select {
		case <-l.wrote:
		case <-deadline:
			t.Fatalf("written so far (-want +got):\n%s", cmp.Diff(text, got))
		}
	}
}

// stop ends the command as Ctrl-C does, and returns its exit code.
func (l *live) stop() int {
	l.cancel()
	return <-l.code
}

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func isReady(message string) []*metav1.Condition {
	return condition("Ready", metav1.ConditionStatus_CONDITION_STATUS_TRUE, "Succeeded", message)
}

func isNotReady(reason, message string) []*metav1.Condition {
	return condition("Ready", metav1.ConditionStatus_CONDITION_STATUS_FALSE, reason, message)
}

func condition(conditionType string, status metav1.ConditionStatus, reason, message string) []*metav1.Condition {
	return []*metav1.Condition{{
		Type: conditionType, Status: status, Reason: reason, Message: message, ObservedGeneration: 1,
		LastTransitionTime: timestamppb.New(noon),
	}}
}

func metadata(namespace, name string, labels map[string]string) *metav1.ObjectMeta {
	return &metav1.ObjectMeta{
		Namespace: namespace, Name: name, Labels: labels, Generation: 1, Uid: "0f9c1f0e", ResourceVersion: "42",
		CreationTimestamp: timestamppb.New(noon), ManagedBy: "cli",
	}
}

// populated are services with objects in each of the states that a table shows.
func populated() *services {
	s := newServices()
	s.repositories = newShelf([]*scannerv1.ImageRepository{
		{
			Metadata: metadata("flux-system", "app", map[string]string{"team": "web"}),
			Spec:     &scannerv1.ImageRepositorySpec{Image: "ghcr.io/x/app", Interval: durationpb.New(time.Minute)},
			Status: &scannerv1.ImageRepositoryStatus{
				Conditions:         isReady("successful scan: found 2 tags with checksum sha256:1f3a"),
				ObservedGeneration: 1,
				CanonicalImageName: "ghcr.io/x/app",
				LastScanResult: &scannerv1.ScanResult{
					Revision: "sha256:1f3a", TagCount: 2, ScanTime: timestamppb.New(noon), LatestTags: []string{"7.8.1", "7.8.0"},
				},
			},
		},
		{
			Metadata: metadata("flux-system", "broken", nil),
			Spec:     &scannerv1.ImageRepositorySpec{Image: "https://ghcr.io/x/app", Interval: durationpb.New(0)},
			Status: &scannerv1.ImageRepositoryStatus{Conditions: condition("Stalled", metav1.ConditionStatus_CONDITION_STATUS_TRUE,
				"ImageURLInvalid", "image 'https://ghcr.io/x/app' should not include URL scheme; remove 'https://'")},
		},
		{
			Metadata: metadata("flux-system", "new", nil),
			Spec:     &scannerv1.ImageRepositorySpec{Image: "ghcr.io/x/new"},
		},
		{
			Metadata: metadata("tenants", "resting", nil),
			Spec:     &scannerv1.ImageRepositorySpec{Image: "ghcr.io/x/resting"},
			Override: &metav1.Override{Suspension: &metav1.Suspension{Actor: "alice", Time: timestamppb.New(noon)}},
		},
	})
	s.receivers = newShelf([]*scannerv1.Receiver{
		{
			Metadata: metadata("flux-system", "registry", nil),
			Spec:     &scannerv1.ReceiverSpec{Type: scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_HMAC},
			Status: &scannerv1.ReceiverStatus{
				Conditions:  isReady("Receiver initialized for path: /hook/bed6d00b"),
				WebhookPath: "/hook/bed6d00b", Warnings: []string{"events: has no effect with this type"},
			},
		},
		{
			Metadata: metadata("flux-system", "resting", nil),
			Spec:     &scannerv1.ReceiverSpec{Type: scannerv1.ReceiverType_RECEIVER_TYPE_QUAY, Suspend: true},
		},
	})
	s.policies = newShelf([]*resolverv1.ImagePolicy{
		{
			Metadata: metadata("flux-system", "app", map[string]string{"team": "web"}),
			Status: &resolverv1.ImagePolicyStatus{
				Conditions:          isReady("Latest image tag for ghcr.io/x/app resolved to 7.8.1 (previously ghcr.io/x/app:7.8.0)"),
				LatestRef:           &resolverv1.ImageRef{Name: "ghcr.io/x/app", Tag: "7.8.1", Digest: "sha256:beef"},
				ObservedPreviousRef: &resolverv1.ImageRef{Name: "ghcr.io/x/app", Tag: "7.8.0"},
			},
			Override: &metav1.Override{Hold: &metav1.Hold{Tag: "7.8.1", Actor: "ops", Reason: "release freeze"}},
		},
		{
			Metadata: metadata("flux-system", "waiting", nil),
			Override: &metav1.Override{Hold: &metav1.Hold{Tag: "1.0.0", Actor: "ops", Until: timestamppb.New(noon.AddDate(-1, 0, 0))}},
			Status: &resolverv1.ImagePolicyStatus{
				Conditions: isNotReady("DependencyNotReady", "referenced ImageRepository 'flux-system/absent' does not exist"),
			},
		},
	})
	s.automations = newShelf([]*updaterv1.ImageUpdateAutomation{{
		Metadata: metadata("flux-system", "flux-system", nil),
		Spec:     &updaterv1.ImageUpdateAutomationSpec{SourceRef: &updaterv1.SourceReference{Name: "infra", Namespace: "git"}, Suspend: true},
		Status: &updaterv1.ImageUpdateAutomationStatus{
			Conditions:            isReady("pushed commit '1f3a9c2' to branch 'main'"),
			LastAutomationRunTime: timestamppb.New(noon),
			LastPushCommit:        "1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112",
		},
	}})
	s.sources = newShelf([]*updaterv1.GitRepository{{
		Metadata: metadata("flux-system", "infra", nil),
		Spec:     &updaterv1.GitRepositorySpec{Url: "https://git.example.com/infra.git"},
		Status: &updaterv1.GitRepositoryStatus{
			Conditions: isReady("stored artifact for revision 'main@sha1:1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112'"),
			Artifact:   &updaterv1.GitArtifact{Revision: "main@sha1:1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112"},
		},
	}})
	return s
}
