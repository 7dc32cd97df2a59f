// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

// The conditions' types, and the reason that heals by itself.
const (
	ready   = "Ready"
	stalled = "Stalled"

	// DependencyNotReady is the reason of an object that waits for another one.
	DependencyNotReady = "DependencyNotReady"
)

// Conditions are what the object's service says of it; empty until it has looked at the object.
func Conditions(o Object) []*metav1.Condition {
	switch o := o.(type) {
	case *scannerv1.ImageRepository:
		return o.GetStatus().GetConditions()
	case *scannerv1.Receiver:
		return o.GetStatus().GetConditions()
	case *resolverv1.ImagePolicy:
		return o.GetStatus().GetConditions()
	case *updaterv1.GitRepository:
		return o.GetStatus().GetConditions()
	case *updaterv1.ImageUpdateAutomation:
		return o.GetStatus().GetConditions()
	default:
		return nil
	}
}

// Condition is the object's condition of a type; nil: it has none.
func Condition(o Object, conditionType string) *metav1.Condition {
	for _, c := range Conditions(o) {
		if c.GetType() == conditionType {
			return c
		}
	}
	return nil
}

// Ready is the condition that says how the object is: Stalled where it holds, as such an object waits for a person,
// else Ready. It is nil until the service has looked at the object.
func Ready(o Object) *metav1.Condition {
	c := Condition(o, ready)
	if c.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_FALSE {
		return c
	}
	if s := Condition(o, stalled); s.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_TRUE {
		return &metav1.Condition{
			Type:               ready,
			Status:             metav1.ConditionStatus_CONDITION_STATUS_FALSE,
			Reason:             s.GetReason(),
			Message:            s.GetMessage(),
			ObservedGeneration: s.GetObservedGeneration(),
			LastTransitionTime: s.GetLastTransitionTime(),
		}
	}
	return c
}

// SuspendedBy says by whose word the object rests: `manifest` for its spec's, else the operator's name; empty: it does
// not rest.
func SuspendedBy(o Object) string {
	if s := o.GetOverride().GetSuspension(); s != nil {
		if s.GetActor() == "" {
			return "operator"
		}
		return s.GetActor()
	}
	if suspend(o) {
		return "manifest"
	}
	return ""
}

func suspend(o Object) bool {
	switch o := o.(type) {
	case *scannerv1.ImageRepository:
		return o.GetSpec().GetSuspend()
	case *scannerv1.Receiver:
		return o.GetSpec().GetSuspend()
	case *resolverv1.ImagePolicy:
		return o.GetSpec().GetSuspend()
	case *updaterv1.GitRepository:
		return o.GetSpec().GetSuspend()
	case *updaterv1.ImageUpdateAutomation:
		return o.GetSpec().GetSuspend()
	default:
		return false
	}
}
