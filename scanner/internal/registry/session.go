// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"container/list"
	"crypto/sha256"
	"net/http"
	"sync"
)

// session is what signing in to a registry for one repository has led to. The
// library behind it renews its token when the registry says that it is over.
type session struct {
	client *http.Client
}

// sessionKey keeps apart what must not share a token.
type sessionKey struct {
	name       CanonicalName
	insecure   bool
	credential [sha256.Size]byte
}

// sessionCache keeps the sessions used last.
type sessionCache struct {
	mu    sync.Mutex
	size  int
	known map[sessionKey]*list.Element
	order *list.List // of *cachedSession; the one used last in front
}

type cachedSession struct {
	key     sessionKey
	session *session
}

func newSessionCache(size int) *sessionCache {
	return &sessionCache{size: size, known: map[sessionKey]*list.Element{}, order: list.New()}
}

func (c *sessionCache) get(key sessionKey) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, found := c.known[key]
	if !found {
		return nil
	}
	c.order.MoveToFront(element)
	if cached, ok := element.Value.(*cachedSession); ok {
		return cached.session
	}
	return nil
}

func (c *sessionCache) put(key sessionKey, s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, found := c.known[key]; found {
		c.order.Remove(element)
	}
	c.known[key] = c.order.PushFront(&cachedSession{key: key, session: s})
	for c.order.Len() > c.size {
		c.drop(c.order.Back())
	}
}

func (c *sessionCache) remove(key sessionKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, found := c.known[key]; found {
		c.drop(element)
	}
}

func (c *sessionCache) drop(element *list.Element) {
	if cached, ok := c.order.Remove(element).(*cachedSession); ok {
		delete(c.known, cached.key)
	}
}
