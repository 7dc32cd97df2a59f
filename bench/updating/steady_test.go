// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/bench/internal/programs"
)

const benchImage = "registry.example.com/team/app"

// steadyRounds and plainRounds are how often each way is gone: the plain ones take long.
const (
	steadyRounds = 30
	plainRounds  = 3
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := built.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// steady is what the ways to set a tag took.
type steady struct {
	first          time.Duration
	quiet, busy    rounds
	plain, command times
	// The updater's memory after the first run, and in the end.
	afterFirst, afterAll programs.Memory
}

// rounds are many of one kind: how long each took, and how long the Git server worked in it.
type rounds struct {
	took, served times
	when         []interval
}

// BenchmarkSteadyState sets one policy's tag in a repository of 20,000 YAML files, 1,000 of them marked, in these ways; each
// has a copy of the repository of its own:
//
//	first    the updater's first run, into an empty cache: from the automation's Apply to the commit
//	busy     a later run of the updater, from the policy's change to the commit; somebody else has committed meanwhile
//	quiet    the same, and nobody has
//	go-git   a fresh shallow clone with go-git, an edit of its work tree, status, commit and push
//	git      git clone --depth 1 && sed && git commit && git push
//
// In one-file each marked file has a policy of its own, so that a tag is in one file; in all-files one policy has all. The
// ratios are of medians; above 1 ours is the faster one. The updater is a process of its own, whose memory is reported too;
// its upstream is in this process. The server's part of a run is reported as well: no client is faster.
func BenchmarkSteadyState(b *testing.B) {
	for _, kind := range []struct {
		name     string
		policies int
	}{{"one-file", 1000}, {"all-files", 1}} {
		b.Run(kind.name, func(b *testing.B) {
			s := large(b, 1000, kind.policies)
			var v steady
			for b.Loop() {
				v.run(b, s, number(b, roundsVariable, steadyRounds), min(plainRounds, number(b, roundsVariable, plainRounds)))
			}
			v.report(b)
		})
	}
}

// run goes the ways by turns, so that what else the machine does weighs on all of them.
func (v *steady) run(tb testing.TB, s size, rounds, plainRounds int) {
	tb.Helper()
	server := startGit(tb)
	files := repositoryFiles(s, benchImage)
	ours := v.start(tb, newRemote(tb, server, "ours.git", files), s)
	plain, command := newRemote(tb, server, "go-git.git", files), newRemote(tb, server, "command.git", files)
	for turn := range plainRounds {
		ours.rounds(tb, v, (turn+1)*rounds/plainRounds-turn*rounds/plainRounds)
		v.plain = append(v.plain, plain.turn(tb, s, turn, plainly))
		v.command = append(v.command, command.turn(tb, s, turn, byCommand))
	}
	ours.end(tb, v)
}

// turn is how long another way takes to set the next tag, after somebody else's commit.
func (r *remote) turn(tb testing.TB, s size, turn int, way func(tb testing.TB, r *remote, from, to string)) time.Duration {
	tb.Helper()
	r.strangerCommits(tb)
	took := timed(func() { way(tb, r, tag(turn), tag(turn+1)) })
	r.changed(tb, s.changing(), tag(turn+1))
	return took
}

// tag is the one that is in the repository after so many rounds.
func tag(round int) string { return fmt.Sprintf("1.0.%d", round) }

// ours is the updater at work on a repository.
type ours struct {
	process *updaterProcess
	remote  *remote
	size    size
	up      *upstream
	steps   *steps
	tags    int // chosen so far
}

// start starts an updater and measures its first run.
func (v *steady) start(tb testing.TB, r *remote, s size) *ours {
	tb.Helper()
	o := &ours{remote: r, size: s, up: startUpstream(tb, benchImage, s.policies), steps: startSteps(tb), tags: 1}
	o.up.choose(tag(o.tags))
	o.process = startUpdater(tb, o.up.address, o.steps.env())
	servers := []string{"--updater-server", o.process.address}
	apply(tb, servers, sourceManifest("gitops", r.url()))
	before := r.tip(tb)
	v.first = timed(func() {
		apply(tb, servers, updateManifest("gitops"))
		r.awaitCommit(tb, before)
	})
	r.changed(tb, s.changing(), tag(o.tags))
	time.Sleep(time.Second) // what the first run leaves to do is done
	v.afterFirst = o.process.Memory()
	return o
}

// rounds measures so many of both kinds.
func (o *ours) rounds(tb testing.TB, v *steady, n int) {
	tb.Helper()
	next := func() string { o.tags++; return tag(o.tags) }
	for range n {
		v.quiet.round(tb, o.remote, o.size, next(), o.up.choose)
		o.remote.strangerCommits(tb)
		v.busy.round(tb, o.remote, o.size, next(), o.up.choose)
	}
}

// end measures what the updater's memory came to, and stops it.
func (o *ours) end(tb testing.TB, v *steady) {
	tb.Helper()
	time.Sleep(pause)
	v.afterAll = o.process.Memory()
	o.process.Stop(tb)
	o.steps.log(tb, "quiet", v.quiet.when)
	o.steps.log(tb, "busy", v.busy.when)
}

// round begins something after a quiet moment, and waits for the commit of the tag.
func (v *rounds) round(tb testing.TB, r *remote, s size, tag string, begin func(tag string)) {
	tb.Helper()
	time.Sleep(pause)
	before, worked := r.tip(tb), r.worked.Load()
	began := time.Now()
	begin(tag)
	r.awaitCommit(tb, before)
	end := time.Now()
	r.idle(tb)
	v.took, v.when = append(v.took, end.Sub(began)), append(v.when, interval{began, end})
	v.served = append(v.served, time.Duration(r.worked.Load()-worked))
	r.changed(tb, s.changing(), tag)
}

func (v *steady) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // a round's time says nothing
	b.ReportMetric(milliseconds(v.first), "first-ms")
	v.busy.report(b, "busy")
	v.quiet.report(b, "quiet")
	plain, command := v.plain.median(), v.command.median()
	b.ReportMetric(plain, "go-git-median-ms")
	b.ReportMetric(command, "git-median-ms")
	b.ReportMetric(plain/v.busy.took.median(), "busy/go-git")
	b.ReportMetric(plain/v.quiet.took.median(), "quiet/go-git")
	b.ReportMetric(command/v.busy.took.median(), "busy/git")
	b.ReportMetric(command/v.quiet.took.median(), "quiet/git")
	b.ReportMetric(plain/milliseconds(v.first), "first/go-git")
	if v.afterAll.Peak == 0 {
		return // the system does not tell
	}
	const mebibyte = 1 << 20
	b.ReportMetric(float64(v.afterFirst.Peak)/mebibyte, "first-peak-rss-MiB")
	b.ReportMetric(float64(v.afterAll.Peak)/mebibyte, "peak-rss-MiB")
	b.ReportMetric(float64(v.afterAll.Resident)/mebibyte, "rss-MiB")
	b.ReportMetric(float64(v.afterAll.Anonymous)/mebibyte, "anonymous-MiB")
}

// report reports the quantiles, and the median of what the Git server took of a round.
func (v *rounds) report(b *testing.B, name string) {
	b.Helper()
	v.took.report(b, name)
	b.ReportMetric(v.served.median(), name+"-git-server-ms")
}

func TestEachWayMakesTheSameCommit(t *testing.T) {
	for _, s := range []size{{files: 200, marked: 10, policies: 1}, {files: 200, marked: 10, policies: 10}} {
		var v steady
		v.run(t, s, 2, 1)
		for _, taken := range []times{v.quiet.took, v.busy.took, v.plain, v.command, {v.first}} {
			if len(taken) == 0 || taken.median() <= 0 {
				t.Errorf("a way took no time: %+v", v)
			}
		}
	}
}
