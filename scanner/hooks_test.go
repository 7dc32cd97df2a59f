// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/scanner"
)

const hookToken = "tide-table-token"

// hooked is a scanner that takes webhooks.
type hooked struct {
	*service
	log       *logged
	url       string
	receivers scannerv1.ReceiverServiceClient
}

func startHooked(t *testing.T) *hooked {
	t.Helper()
	secrets := &secret.Memory{}
	setToken(t, secrets, "webhook", hookToken)
	return startHookedOn(t, storetest.Open(t), secrets, listenHooks(t))
}

func listenHooks(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func startHookedOn(t *testing.T, st *store.Store, secrets *secret.Memory, on net.Listener) *hooked {
	t.Helper()
	log := &logged{}
	tel := grpctest.Telemetry(t, log)
	svc, err := scanner.New(scanner.Config{Store: st, Telemetry: tel, Secrets: secrets, Concurrency: 4, Hooks: on})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- svc.Run(ctx) }()
	s := &service{t: t, store: st, telemetry: tel, secrets: secrets}
	s.conn = grpctest.Serve(t, svc.Register, grpctest.WithTelemetry(tel))
	s.repositories = scannerv1.NewImageRepositoryServiceClient(s.conn)
	s.tags = scannerv1.NewTagServiceClient(s.conn)
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the service ended with %v", err)
		}
	})
	t.Cleanup(s.stop)
	return &hooked{service: s, log: log, url: "http://" + on.Addr().String(), receivers: scannerv1.NewReceiverServiceClient(s.conn)}
}

func setToken(t *testing.T, secrets *secret.Memory, name, token string) {
	t.Helper()
	if err := secrets.Set("flux-system", name, secret.Secret{"token": []byte(token)}); err != nil {
		t.Fatal(err)
	}
}

// path is Flux's formula.
func path(token, name, namespace string) string {
	sum := sha256.Sum256([]byte(token + name + namespace))
	return "/hook/" + hex.EncodeToString(sum[:])
}

func aReceiver(name string, kind scannerv1.ReceiverType, repositories ...string) *scannerv1.Receiver {
	r := &scannerv1.Receiver{
		Metadata: &metav1.ObjectMeta{Name: name},
		Spec:     &scannerv1.ReceiverSpec{Type: kind, SecretRef: &metav1.LocalObjectReference{Name: "webhook"}},
	}
	for _, repository := range repositories {
		r.Spec.Resources = append(r.Spec.Resources, &scannerv1.ReceiverResource{Kind: "ImageRepository", Name: repository})
	}
	return r
}

func (h *hooked) applyReceiver(r *scannerv1.Receiver) error {
	h.t.Helper()
	_, err := h.receivers.ApplyReceiver(h.t.Context(), &scannerv1.ApplyReceiverRequest{Receiver: r})
	return err
}

// ready applies a receiver and waits for its path.
func (h *hooked) ready(r *scannerv1.Receiver) string {
	h.t.Helper()
	if err := h.applyReceiver(r); err != nil {
		h.t.Fatal(err)
	}
	return h.told(r.GetMetadata().GetName(), metav1.ConditionStatus_CONDITION_STATUS_TRUE).GetStatus().GetWebhookPath()
}

// told waits for a receiver's Ready condition.
func (h *hooked) told(name string, want metav1.ConditionStatus) *scannerv1.Receiver {
	h.t.Helper()
	var got *scannerv1.Receiver
	h.eventually("the status of receiver "+name, func() bool {
		resp, err := h.receivers.GetReceiver(h.t.Context(), &scannerv1.GetReceiverRequest{Name: name})
		if err != nil {
			h.t.Fatal(err)
		}
		got = resp.GetReceiver()
		ready := conditions.Ready(got.GetStatus())
		return ready.GetStatus() == want && ready.GetObservedGeneration() == got.GetMetadata().GetGeneration()
	}, func() any { return got })
	return got
}

// post calls a path and returns the answer's status.
func (h *hooked) post(path, body string, headers ...string) int {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode
}

func (h *hooked) waitRequests(want int) {
	h.t.Helper()
	var left int64
	h.eventually("requests that are written down", func() bool {
		resp, err := h.store.Client().Get(h.t.Context(), h.store.Prefix()+"/scanner/requests/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			h.t.Fatal(err)
		}
		left = resp.Count
		return left == int64(want)
	}, func() any { return left })
}

// unscheduled repositories are scanned at first, and then when somebody asks.
func unscheduled() func(*scannerv1.ImageRepository) { return interval(0) }

func TestAPushIsStoredByTheRegistrysOwnNotification(t *testing.T) {
	secrets := &secret.Memory{}
	setToken(t, secrets, "webhook", hookToken)
	on := listenHooks(t)
	reg := startRegistry(t, localregistry.Config{Notifications: &localregistry.Notifications{
		URL: "http://" + on.Addr().String() + path(hookToken, "registry", "flux-system"), Token: hookToken,
	}})
	h := startHookedOn(t, storetest.Open(t), secrets, on)
	h.ready(aReceiver("registry", scannerv1.ReceiverType_RECEIVER_TYPE_DISTRIBUTION, "app", "other"))
	reg.push("team/app", "1.0.0")
	reg.push("team/other", "1.0.0")
	h.apply(repository("app", reg.Host()+"/team/app", unscheduled()))
	h.apply(repository("other", reg.Host()+"/team/other", unscheduled()))
	h.settled("app", found(1))
	h.settled("other", found(1))
	h.waitRequests(0)
	other := h.get("other").GetStatus().GetLastScanResult().GetScanTime().AsTime()
	began := time.Now()
	reg.push("team/app", "1.1.0")
	h.settled("app", found(2))
	t.Logf("stored %s after the push began", time.Since(began).Round(time.Millisecond))
	if err := reg.Delete(t.Context(), "team/app", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	h.settled("app", found(1))
	h.waitRequests(0)
	if got := h.get("other").GetStatus().GetLastScanResult().GetScanTime().AsTime(); !got.Equal(other) {
		t.Error("the repository that was not pushed to was scanned too")
	}
}

func TestAFloodOfNotificationsCausesTwoScansAtMost(t *testing.T) {
	h := startHooked(t)
	reg := startRegistry(t, localregistry.Config{})
	reg.push("team/app", "1.0.0")
	h.apply(repository("app", reg.Host()+"/team/app", unscheduled()))
	h.settled("app", found(1))
	at := h.ready(aReceiver("flood", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "app"))
	reg.push("team/app", "1.1.0")
	before := reg.listings.Load()
	var refused atomic.Int64
	var senders sync.WaitGroup
	for range 20 {
		senders.Go(func() {
			for range 50 {
				if h.post(at, `{"image":"team/app"}`) != http.StatusOK {
					refused.Add(1)
				}
			}
		})
	}
	senders.Wait()
	h.settled("app", found(2))
	h.waitRequests(0)
	if got := reg.listings.Load() - before; got < 1 || got > 2 {
		t.Errorf("1,000 notifications caused %d scans, want 1 or 2", got)
	}
	if n := refused.Load(); n > 0 {
		t.Errorf("%d of 1,000 were refused", n)
	}
}

func TestANotificationDuringAScanCausesAnotherOne(t *testing.T) {
	h := startHooked(t)
	reg := startRegistry(t, localregistry.Config{})
	reg.push("team/app", "1.0.0")
	h.apply(repository("app", reg.Host()+"/team/app", unscheduled()))
	h.settled("app", found(1))
	at := h.ready(aReceiver("hook", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "app"))
	gate, open := reg.hold()
	if got := h.post(at, ""); got != http.StatusOK {
		t.Fatalf("answer %d", got)
	}
	<-gate.arrived
	if got := h.post(at, ""); got != http.StatusOK {
		t.Fatalf("answer %d", got)
	}
	reg.push("team/app", "1.1.0") // too late for a listing that the registry had answered already
	before := reg.listings.Load()
	open()
	h.waitRequests(0)
	if got := reg.listings.Load() - before; got != 1 {
		t.Errorf("%d scans followed, want 1", got)
	}
}

func TestWhatWasAcceptedIsScannedAfterARestart(t *testing.T) {
	st, secrets := storetest.Open(t), &secret.Memory{}
	setToken(t, secrets, "webhook", hookToken)
	h := startHookedOn(t, st, secrets, listenHooks(t))
	reg := startRegistry(t, localregistry.Config{})
	reg.push("team/app", "1.0.0")
	h.apply(repository("app", reg.Host()+"/team/app", unscheduled()))
	h.settled("app", found(1))
	at := h.ready(aReceiver("hook", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "app"))
	reg.push("team/app", "1.1.0")
	gate, open := reg.hold()
	if got := h.post(at, ""); got != http.StatusOK {
		t.Fatalf("answer %d", got)
	}
	<-gate.arrived // the scan hangs, and the process ends
	h.stop()
	h.waitRequests(1)
	open()
	h = startHookedOn(t, st, secrets, listenHooks(t))
	h.settled("app", found(2))
	h.waitRequests(0)
}

func TestTheScanBelongsToTheWebhooksTrace(t *testing.T) {
	h := startHooked(t)
	reg := startRegistry(t, localregistry.Config{})
	reg.push("team/app", "1.0.0")
	h.apply(repository("app", reg.Host()+"/team/app", unscheduled()))
	h.settled("app", found(1))
	reg.push("team/app", "1.1.0")
	at := h.ready(aReceiver("hook", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "app"))
	if got := h.post(at, ""); got != http.StatusOK {
		t.Fatalf("answer %d", got)
	}
	h.settled("app", found(2))
	h.eventually("a scan in the trace of the webhook", func() bool {
		taken, scans := h.log.traces("a webhook is taken"), h.log.traces("scanned")
		return len(taken) == 1 && len(scans) == 2 && taken[0] != "" && scans[0] != taken[0] && scans[1] == taken[0]
	}, func() any { return h.log.text() })
}

// logged is a log that can be asked.
type logged struct {
	mu    sync.Mutex
	lines []byte
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line...)
	return len(line), nil
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.lines)
}

// traces are the trace ids of the lines with a message.
func (l *logged) traces(message string) []string {
	var ids []string
	for line := range strings.Lines(l.text()) {
		var entry struct {
			Msg     string `json:"msg"`
			TraceID string `json:"trace_id"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == message {
			ids = append(ids, entry.TraceID)
		}
	}
	return ids
}

func TestTheAnswersOfTheListener(t *testing.T) {
	h := startHooked(t)
	sign := func(body string) string {
		mac := hmac.New(sha256.New, []byte(hookToken))
		mac.Write([]byte(body))
		return "sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	at := h.ready(aReceiver("signed", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_HMAC, "absent"))
	if want := path(hookToken, "signed", "flux-system"); at != want {
		t.Errorf("path %s, want %s", at, want)
	}
	large := strings.Repeat("x", 3<<20)
	for name, test := range map[string]struct {
		path, body, signature string
		want                  int
	}{
		"signed":        {at, "{}", sign("{}"), http.StatusOK},
		"3 MiB":         {at, large, sign(large), http.StatusOK},
		"wrong":         {at, "{}", sign("{ }"), http.StatusBadRequest},
		"not signed":    {at, "{}", "", http.StatusBadRequest},
		"no such path":  {at[:len(at)-1] + "g", "{}", sign("{}"), http.StatusNotFound},
		"the root":      {"/", "{}", sign("{}"), http.StatusNotFound},
		"over 3 MiB":    {at, large + "x", sign(large + "x"), http.StatusRequestEntityTooLarge},
		"a longer path": {at + "/x", "{}", sign("{}"), http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			if got := h.post(test.path, test.body, "X-Signature", test.signature); got != test.want {
				t.Errorf("answer %d, want %d", got, test.want)
			}
		})
	}
	t.Run("over 3 MiB without saying so", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+at, io.MultiReader(strings.NewReader(large), bytes.NewReader([]byte("x"))))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = -1
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("answer %d", resp.StatusCode)
		}
	})
	resting := aReceiver("signed", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_HMAC, "absent")
	resting.Spec.Suspend = true
	if err := h.applyReceiver(resting); err != nil {
		t.Fatal(err)
	}
	h.eventually("503 while suspended", func() bool {
		return h.post(at, "{}", "X-Signature", sign("{}")) == http.StatusServiceUnavailable
	}, func() any { return nil })
	if _, err := h.receivers.DeleteReceiver(t.Context(), &scannerv1.DeleteReceiverRequest{Name: "signed"}); err != nil {
		t.Fatal(err)
	}
	h.eventually("404 once deleted", func() bool { return h.post(at, "{}") == http.StatusNotFound }, func() any { return nil })
}

func TestAReceiverFollowsItsSecret(t *testing.T) {
	h := startHooked(t)
	r := aReceiver("hook", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "app")
	r.Spec.SecretRef.Name = "later"
	r.Spec.Resources = append(r.Spec.Resources, &scannerv1.ReceiverResource{Kind: "GitRepository", Name: "flux-system"})
	if err := h.applyReceiver(r); err != nil {
		t.Fatal(err)
	}
	got := h.told("hook", metav1.ConditionStatus_CONDITION_STATUS_FALSE)
	want := "secret 'flux-system/later' not found: create it with the key `token`"
	if message := conditions.Ready(got.GetStatus()).GetMessage(); message != want {
		t.Errorf("message %q, want %q", message, want)
	}
	setToken(t, h.secrets, "later", "first")
	got = h.told("hook", metav1.ConditionStatus_CONDITION_STATUS_TRUE)
	first := path("first", "hook", "flux-system")
	if message := conditions.Ready(got.GetStatus()).GetMessage(); message != "Receiver initialized for path: "+first {
		t.Errorf("message %q", message)
	}
	if warnings := got.GetStatus().GetWarnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "GitRepository") {
		t.Errorf("warnings %q", warnings)
	}
	setToken(t, h.secrets, "later", "second")
	second := path("second", "hook", "flux-system")
	h.eventually("the new path", func() bool { return h.post(second, "") == http.StatusOK }, func() any { return nil })
	if got := h.post(first, ""); got != http.StatusNotFound {
		t.Errorf("the old path answers %d", got)
	}
}

func TestExpressionsThatDoNotCompileAreRefused(t *testing.T) {
	h := startHooked(t)
	r := aReceiver("hook", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "app")
	r.Spec.ResourceFilter = "res.metadata.name =="
	r.Spec.Resources[0].Filter = "'text'"
	err := h.applyReceiver(r)
	var paths []string
	for _, violation := range rpcerr.FieldViolations(rpcerr.FromError(err)) {
		paths = append(paths, violation.Path)
	}
	if got, want := strings.Join(paths, " "), "receiver.spec.resourceFilter receiver.spec.resources[0].filter"; got != want {
		t.Errorf("refused %q, want %q: %v", got, want, err)
	}
}

func TestFiltersChooseWhatIsScanned(t *testing.T) {
	h := startHooked(t)
	reg := startRegistry(t, localregistry.Config{})
	for _, name := range []string{"red", "blue"} {
		reg.push("team/"+name, "1.0.0")
		h.apply(repository(name, reg.Host()+"/team/"+name, unscheduled(), func(r *scannerv1.ImageRepository) {
			r.Metadata.Labels = map[string]string{"colour": name}
		}))
		h.settled(name, found(1))
		reg.push("team/"+name, "1.1.0")
	}
	all := aReceiver("hook", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "*")
	all.Spec.ResourceFilter = "res.metadata.labels.colour == req.image.split('/').last()"
	at := h.ready(all)
	if got := h.post(at, `{"image":"team/blue"}`); got != http.StatusOK {
		t.Fatalf("answer %d", got)
	}
	h.settled("blue", found(2))
	if got := h.post(at, `{}`); got != http.StatusBadRequest {
		t.Errorf("a payload that the filter cannot be asked about is answered with %d", got)
	}
	h.waitRequests(0)
	if !found(1)(h.get("red")) {
		t.Error("the other was scanned")
	}
}

func TestAReceiverWithoutASecretIsForCallersThatProveThemselves(t *testing.T) {
	h := startHooked(t)
	oidc := aReceiver("oidc", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_OIDC, "app")
	oidc.Spec.SecretRef = nil
	oidc.Spec.OidcProviders = []*scannerv1.OidcProvider{{
		IssuerUrl: "https://issuer.example.com", Audience: "tidemark",
		Validations: []*scannerv1.OidcValidation{{Expression: "true", Message: "anybody"}},
	}}
	at := h.ready(oidc)
	if want := path("", "oidc", "flux-system"); at != want {
		t.Errorf("the path is %s, want %s", at, want)
	}
	if status := h.post(at, "{}"); status == http.StatusOK {
		t.Error("a caller without a token was believed")
	}
	generic := aReceiver("generic", scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC, "app")
	generic.Spec.SecretRef = nil
	if err := h.applyReceiver(generic); err == nil || !strings.Contains(err.Error(), "is part of the path") {
		t.Errorf("a generic receiver without a secret: %v", err)
	}
}
