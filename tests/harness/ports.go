// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// The ports given away lie below those that systems take for outgoing connections (from 32768 on Linux), so that none
// is taken while its program is down and about to come back.
const (
	firstPort = 20000
	lastPort  = 32000
)

// Ports gives every port once. The zero value is ready; one is shared by all tests of a run.
type Ports struct {
	mu   sync.Mutex
	next int
}

// Address is an address of loopback that nobody listens on.
func (p *Ports) Address(t *testing.T) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == 0 {
		// Another run on this machine begins elsewhere.
		p.next = firstPort + rand.IntN(lastPort-firstPort)
	}
	for range lastPort - firstPort {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(p.next))
		if p.next++; p.next > lastPort {
			p.next = firstPort
		}
		if IsFree(address) {
			return address
		}
	}
	t.Fatal("no port of loopback is free")
	return ""
}

// IsFree tells whether a server could listen on an address.
func IsFree(address string) bool {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
