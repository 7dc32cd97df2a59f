// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"slices"
	"strings"
)

// distribution is the CNCF registry, which sends envelopes of events and tries again, in order, what is not answered with
// success. So what has no effect is no error: events that the receiver does not want, pulls (a scan may be one, and would
// cause the next for ever) and pushes of blobs and untagged manifests.
func distribution() protocol {
	return protocol{
		prove:   headerIs("Authorization", "Bearer "),
		partial: readDistribution,
		events:  true,
	}
}

func readDistribution(c Call, wanted []string) (Notice, error) {
	var envelope struct {
		Events []struct {
			Action string `json:"action"`
			Target struct {
				Repository string `json:"repository"`
				Tag        string `json:"tag"`
			} `json:"target"`
			Request struct {
				Host string `json:"host"`
			} `json:"request"`
		} `json:"events"`
	}
	if err := decode(c.Body, &envelope); err != nil {
		return Notice{}, err
	}
	var notice Notice
	for _, event := range envelope.Events {
		named := slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, event.Action) })
		if len(wanted) > 0 && !named || !changesTags(event.Action, event.Target.Tag) || event.Target.Repository == "" {
			continue
		}
		notice.Event = event.Action
		notice.Images = append(notice.Images, Image{
			Repository: joinHost(event.Request.Host, event.Target.Repository), Tag: event.Target.Tag,
		})
	}
	notice.Idle = len(notice.Images) == 0
	return notice, nil
}

func changesTags(action, tag string) bool {
	return action == "delete" || action != "pull" && tag != ""
}
