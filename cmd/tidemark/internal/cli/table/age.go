// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"fmt"
	"time"
)

// Age is how long ago something was, as Kubernetes' tools show it: two units at most, `90s`, `5m30s`, `3h20m`, `12d`. What is yet to come
// was just now.
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	d = max(d, 0)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 10*time.Minute:
		return units(d, time.Minute, "m", time.Second, "s")
	case d < 3*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 8*time.Hour:
		return units(d, time.Hour, "h", time.Minute, "m")
	case d < 2*day:
		return fmt.Sprintf("%dh", int(d.Hours()))
	case d < 8*day:
		return units(d, day, "d", time.Hour, "h")
	default:
		return fmt.Sprintf("%dd", int(d/day))
	}
}

func units(d, large time.Duration, one string, small time.Duration, other string) string {
	text := fmt.Sprintf("%d%s", int(d/large), one)
	if rest := int(d % large / small); rest > 0 {
		text += fmt.Sprintf("%d%s", rest, other)
	}
	return text
}
