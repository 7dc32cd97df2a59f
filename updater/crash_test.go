// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// dying records runs until the process dies, which it does at one of the stages.
type dying struct {
	run.Records
	at   string
	died chan struct{}
}

func (d *dying) die() error {
	select {
	case <-d.died:
	default:
		close(d.died)
	}
	return context.Canceled
}

func (d *dying) Begin(ctx context.Context, records []state.Record) error {
	if d.at == "before the record" {
		return d.die()
	}
	if err := d.Records.Begin(ctx, records); err != nil {
		return err
	}
	if d.at == "before the push" {
		return d.die()
	}
	return nil
}

func (d *dying) EndOps(ctx context.Context, automation object.Key, r *updaterv1.Run) ([]clientv3.Op, error) {
	if d.at == "before the status" {
		return nil, d.die()
	}
	return d.Records.EndOps(ctx, automation, r)
}

func TestACrashAtAnyStageEndsInOneCommit(t *testing.T) {
	for _, stage := range []string{"before the record", "before the push", "before the status"} {
		t.Run(stage, func(t *testing.T) {
			w := newWorld(t)
			w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
			w.up.choose("web", "ghcr.io/a/web:1.0.1")
			first := w.prepare()
			death := &dying{Records: first.service.runs, at: stage, died: make(chan struct{})}
			first.service.runner.Records = death
			first.run()
			first.applySource(w.source("gitops"))
			first.apply(automation("web", "gitops"))
			select {
			case <-death.died:
			case <-time.After(patience):
				t.Fatal("nothing ran")
			}
			first.stop()
			checkRecovered(t, w, w.start())
		})
	}
}

// checkRecovered waits for the second updater, and looks whether the world is as if the first one had not died.
func checkRecovered(t *testing.T, w *world, second *running) {
	t.Helper()
	eventually(t, "the run is over", func() bool {
		s := second.get("web").GetStatus()
		return conditions.IsTrue(s.GetConditions(), conditions.TypeReady) && s.GetObservedPolicies()["web"].GetTag() == "1.0.1"
	})
	commits := w.log("gitops", "main")
	if len(commits) != 2 || !strings.Contains(w.file("gitops", "main", "web.yaml"), ":1.0.1") {
		t.Fatalf("commits: %+v", commits)
	}
	s := second.get("web").GetStatus()
	if s.GetLastPushCommit() != commits[0].ID || s.GetLastPushTime() == nil || s.GetObservedSourceRevision() != "main@sha1:"+commits[0].ID {
		t.Errorf("status: %v", s)
	}
	records := second.records("web")
	if len(records) != 1 || records[0].GetCommit() != commits[0].ID || records[0].GetEndTime() == nil ||
		records[0].GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		t.Errorf("records: %v", records)
	}
}

func TestADeathWhileThePushIsAnsweredEndsInOneCommit(t *testing.T) {
	pushed, answer := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	w := newWorld(t, func(c *gitserver.Config) {
		c.Wrap = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
				if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/git-receive-pack") || !once.CompareAndSwap(false, true) {
					next.ServeHTTP(rw, req)
					return
				}
				next.ServeHTTP(httptest.NewRecorder(), req)
				close(pushed)
				<-answer
				panic(http.ErrAbortHandler)
			})
		}
	})
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	first := w.start(func(c *Config) { c.Drain = time.Millisecond })
	first.applySource(w.source("gitops"))
	first.apply(automation("web", "gitops"))
	<-pushed
	first.stop()
	close(answer)
	if records := first.records("web"); len(records) != 1 || records[0].GetEndTime() != nil {
		t.Fatalf("records: %v", records)
	}
	checkRecovered(t, w, w.start())
}

func TestAPushThatTheServerHeldOverADeathIsInTheHistory(t *testing.T) {
	held, landed := make(chan struct{}), make(chan struct{})
	var pushes atomic.Int32
	w := newWorld(t, func(c *gitserver.Config) {
		c.Wrap = func(next http.Handler) http.Handler {
			var first []byte
			return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
				if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/git-receive-pack") {
					next.ServeHTTP(rw, req)
					return
				}
				switch pushes.Add(1) {
				case 1: // the whole push is here, and nobody works on it
					body, err := io.ReadAll(req.Body)
					if err != nil {
						t.Error(err)
					}
					first = body
					close(held)
					<-req.Context().Done()
				case 2: // of the next process, which has asked already
					late := req.Clone(req.Context())
					late.Body, late.ContentLength = io.NopCloser(bytes.NewReader(first)), int64(len(first))
					late.Header.Del("Content-Encoding")
					next.ServeHTTP(httptest.NewRecorder(), late)
					close(landed)
					next.ServeHTTP(rw, req)
				default:
					next.ServeHTTP(rw, req)
				}
			})
		}
	})
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	first := w.start(func(c *Config) { c.Drain = time.Millisecond })
	first.applySource(w.source("gitops"))
	first.apply(automation("web", "gitops"))
	<-held
	first.stop()
	open := first.records("web")
	if len(open) != 1 || open[0].GetEndTime() != nil {
		t.Fatalf("records: %v", open)
	}
	for time.Since(open[0].GetStartTime().AsTime()).Truncate(time.Second) < time.Second {
		time.Sleep(50 * time.Millisecond) // so that the next commit is another one
	}
	second := w.start()
	<-landed
	checkRecovered(t, w, second)
	if records := second.records("web"); records[0].GetId() != open[0].GetId() {
		t.Errorf("records: %v", records)
	}
}

func TestAPushWhoseAnswerIsLostIsAskedAbout(t *testing.T) {
	for _, arrives := range []bool{true, false} {
		var once atomic.Bool
		w, r := usual(t, func(c *gitserver.Config) {
			c.Wrap = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
					if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/git-receive-pack") || !once.CompareAndSwap(false, true) {
						next.ServeHTTP(rw, req)
						return
					}
					if arrives {
						next.ServeHTTP(httptest.NewRecorder(), req)
					}
					panic(http.ErrAbortHandler)
				})
			}
		})
		r.applySource(w.source("gitops"))
		r.apply(automation("web", "gitops"))
		a := r.ready("web", "Succeeded", "pushed")
		commits := w.log("gitops", "main")
		if len(commits) != 2 || a.GetStatus().GetLastPushCommit() != commits[0].ID || len(r.records("web")) != 1 {
			t.Errorf("arrived %v: %+v, %v", arrives, commits, r.records("web"))
		}
	}
}

func TestARestartRepeatsNothing(t *testing.T) {
	var requests atomic.Int32
	w, first := usual(t, func(c *gitserver.Config) {
		c.Wrap = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
				if strings.Contains(req.URL.Path+req.URL.RawQuery, "git-receive-pack") {
					requests.Add(1)
				}
				next.ServeHTTP(rw, req)
			})
		}
	})
	first.applySource(w.source("gitops"))
	first.apply(automation("web", "gitops"))
	before := first.ready("web", "Succeeded", "pushed")
	first.stop()
	requests.Store(0)
	second := w.start()
	eventually(t, "the second looks at the source", func() bool {
		ready, _ := second.service.cfg.Health.Ready()
		select {
		case <-second.service.follower.Ready():
			return ready
		default:
			return false
		}
	})
	_, run, err := second.runNow("web") // what was planned at the start has run before it
	if err != nil || run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE {
		t.Errorf("run: %v, %v", run, err)
	}
	after := second.get("web")
	if n := len(w.log("gitops", "main")); n != 2 || requests.Load() != 0 || after.GetStatus().GetLastPushCommit() != before.GetStatus().GetLastPushCommit() {
		t.Errorf("%d commits, %d pushes, status %v", n, requests.Load(), after.GetStatus())
	}
	second.stop()
	w.up.choose("web", "ghcr.io/a/web:1.0.2") // while nobody is there
	third := w.start()
	eventually(t, "what changed meanwhile is committed", func() bool {
		return third.get("web").GetStatus().GetObservedPolicies()["web"].GetTag() == "1.0.2"
	})
	if records := third.records("web"); len(records) != 2 || records[0].GetTrigger() != updaterv1.RunTrigger_RUN_TRIGGER_POLICY {
		t.Errorf("records: %v", records)
	}
}

func TestAResolverThatDiesAndComesBackIsFollowedOn(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	r.apply(automation("web", "gitops"))
	r.ready("web", "Succeeded", "pushed")
	upstreams := []string{
		"tidemark.updater.v1.GitRepositoryService.upstream",
		"tidemark.updater.v1.ImageUpdateAutomationService.upstream",
		"updater.upstream",
	}
	failing := func() bool {
		ready, names := r.service.cfg.Health.Ready()
		return ready && slices.Equal(names, upstreams)
	}
	w.up.stop()
	eventually(t, "health tells of the upstream, and stays ready", failing)
	if _, run, err := r.runNow("web"); err != nil || run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE {
		t.Errorf("with the last known policies: %v, %v", run, err)
	}
	w.up.choose("web", "ghcr.io/a/web:1.0.2")
	w.up.serve()
	eventually(t, "what was missed is committed", func() bool {
		return strings.Contains(w.file("gitops", "main", "web.yaml"), ":1.0.2")
	})
	eventually(t, "health is well", func() bool {
		ready, names := r.service.cfg.Health.Ready()
		return ready && len(names) == 0
	})
}
