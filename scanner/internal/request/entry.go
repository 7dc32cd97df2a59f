// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package request

import "time"

// entry is what is known of one repository's requests.
type entry struct {
	// request is the latest one that is known to be stored, begun the revision up to which a scan has begun.
	request wanted
	begun   int64
	// running: a goroutine scans, or waits to.
	running bool
	// ended is when the last scan did; zero: none has, as far as is known.
	ended time.Time
	// firstAsked and lastAsked are of those who wait for the same scan; settling: that scan follows another one closely.
	firstAsked, lastAsked time.Time
	settling              bool
}

// waits says whether a stored request waits for its scan to begin.
func (e *entry) waits() bool { return e.request.revision > e.begun }

// ask takes note of somebody who asks, and says whether they can join a stored request that waits.
func (e *entry) ask(now time.Time, t timing) bool {
	if e.firstAsked.IsZero() {
		e.firstAsked = now
		e.settling = e.running || now.Sub(e.ended) < t.apart
	}
	e.lastAsked = now
	return e.waits()
}

// written takes note of a stored request.
func (e *entry) written(w wanted, now time.Time, t timing) {
	if w.revision <= e.request.revision {
		return
	}
	waited := e.waits()
	e.request = w
	if !waited && e.waits() && e.firstAsked.IsZero() {
		e.ask(now, t) // another replica, or a process before this one, was asked
	}
}

// due is when the scan may begin.
func (e *entry) due(t timing) time.Time {
	if !e.settling {
		return e.firstAsked
	}
	quiet, last := e.lastAsked.Add(t.settle), e.firstAsked.Add(t.maxSettle)
	if quiet.Before(last) {
		return quiet
	}
	return last
}

// begin says that the scan begins now; who asks later waits for another one. prompt says that it has not waited.
func (e *entry) begin() (served wanted, prompt bool) {
	e.begun = e.request.revision
	e.firstAsked = time.Time{}
	return e.request, !e.settling
}

// again lets the request wait again; settling says whether to wait until it is quiet.
func (e *entry) again(served wanted, now time.Time, settling bool) {
	e.begun = min(e.begun, served.revision-1)
	if e.firstAsked.IsZero() {
		e.firstAsked, e.lastAsked = now, now
	}
	e.settling = settling
}
