// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// takesFor is how long the capabilities of a server are believed: they change when it is upgraded.
const takesFor = 10 * time.Minute

// errNotTried: the server has done nothing with a push that went without asking first.
var errNotTried = errors.New("the push was not tried")

// stateless tells whether a push may begin without the server's advertisement, as it may over HTTP.
func (r *Repo) stateless() bool {
	_, is := r.conn.(*httpConnector)
	return is
}

// remembered is the advertisement of the server as it was at an earlier push, with the references of the fetch
// that the updates were built on; nil when that is not known. A push needs no newer one: the server compares
// every reference with its old id anyway, and that saves a round trip.
func (r *Repo) remembered(updates []RefUpdate) *packp.AdvRefs {
	if r.takes == nil || time.Now().After(r.takesUntil) {
		r.takes = nil
		return nil
	}
	for _, u := range updates {
		if r.refs[u.Name] != u.Old || u.Old == u.New {
			return nil
		}
	}
	adv := packp.NewAdvRefs()
	adv.Capabilities = r.takes
	adv.References = maps.Clone(r.refs)
	return adv
}

// dismissed tells whether a push was answered with a plain HTTP status or led elsewhere: no Git has seen it. What
// it was is told by the server when it is asked in the usual way.
func dismissed(report *packp.ReportStatus, err error) bool {
	if report != nil || err == nil {
		return false
	}
	var status *githttp.Err
	err = opened(err)
	return answered(err) || (errors.As(err, &status) && status.StatusCode() < 500) || strings.Contains(err.Error(), "redirect")
}

// incomplete tells whether the server lacks objects that it was thought to have.
func incomplete(status *packp.ReportStatus) bool {
	return status != nil && (status.UnpackStatus != "ok" || slices.ContainsFunc(status.CommandStatuses, func(c *packp.CommandStatus) bool {
		return strings.Contains(c.Status, "missing necessary objects")
	}))
}
