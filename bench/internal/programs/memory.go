// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package programs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is what a process takes, in bytes. All are zero where the system does not tell.
type Memory struct {
	// Resident is what it has now, Anonymous the part of that which is no file's, Peak the most that ever was resident.
	Resident, Anonymous, Peak uint64
}

// Memory reads Linux's account of the process.
func (p *Process) Memory() Memory {
	var m Memory
	account, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid()))
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(account)) {
		name, text, _ := strings.Cut(line, ":")
		kibibytes, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			m.Resident = kibibytes << 10
		case "RssAnon":
			m.Anonymous = kibibytes << 10
		case "VmHWM":
			m.Peak = kibibytes << 10
		}
	}
	return m
}
