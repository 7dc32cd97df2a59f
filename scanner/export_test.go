// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner

import "time"

// ForgiveSoon has hosts that failed, or asked for a pause of no length, tried again after a moment.
func ForgiveSoon(c *Config) { c.firstPause = time.Millisecond }
