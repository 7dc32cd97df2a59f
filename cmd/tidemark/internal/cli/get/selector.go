// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"fmt"
	"strings"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// statusSelector keeps the objects whose condition of a type has a status; nil keeps all.
type statusSelector map[string]metav1.ConditionStatus

// parseStatusSelector reads flux's `type=status[,type=status]`, in any case.
func parseStatusSelector(text string) (statusSelector, error) {
	if text == "" {
		return nil, nil
	}
	selector := statusSelector{}
	for part := range strings.SplitSeq(text, ",") {
		conditionType, wanted, ok := strings.Cut(part, "=")
		conditionType = strings.ToLower(strings.TrimSpace(conditionType))
		if !ok || conditionType == "" {
			return nil, fmt.Errorf("--status-selector must be in type=status format, for example ready=false, but found: %s", text)
		}
		status, err := parseStatus(wanted)
		if err != nil {
			return nil, err
		}
		selector[conditionType] = status
	}
	return selector, nil
}

func parseStatus(word string) (metav1.ConditionStatus, error) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "true":
		return metav1.ConditionStatus_CONDITION_STATUS_TRUE, nil
	case "false":
		return metav1.ConditionStatus_CONDITION_STATUS_FALSE, nil
	case "unknown":
		return metav1.ConditionStatus_CONDITION_STATUS_UNKNOWN, nil
	default:
		return 0, fmt.Errorf("--status-selector: the status is true, false or unknown, but found: %s", word)
	}
}

// matches says whether all that is selected holds. A condition that an object does not have is unknown.
func (s statusSelector) matches(o kinds.Object) bool {
	for conditionType, wanted := range s {
		if statusOf(o, conditionType) != wanted {
			return false
		}
	}
	return true
}

func statusOf(o kinds.Object, conditionType string) metav1.ConditionStatus {
	status := metav1.ConditionStatus_CONDITION_STATUS_UNSPECIFIED
	if conditionType == "ready" {
		status = kinds.Ready(o).GetStatus()
	} else {
		for _, c := range kinds.Conditions(o) {
			if strings.ToLower(c.GetType()) == conditionType {
				status = c.GetStatus()
			}
		}
	}
	if status == metav1.ConditionStatus_CONDITION_STATUS_UNSPECIFIED {
		return metav1.ConditionStatus_CONDITION_STATUS_UNKNOWN
	}
	return status
}
