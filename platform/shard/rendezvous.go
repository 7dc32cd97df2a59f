// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import "hash/fnv"

// owner returns the member whose hash together with the key is highest: rendezvous hashing (Thaler and Ravishankar,
// "A Name-Based Mapping Scheme for Rendezvous", 1996). Empty if there are no members.
func owner(members []string, key string) string {
	var best string
	var highest uint64
	for _, member := range members {
		if weight := weigh(member, key); best == "" || weight > highest || (weight == highest && member < best) {
			best, highest = member, weight
		}
	}
	return best
}

// weigh hashes with FNV-1a, whose high bits hardly depend on the last bytes, and mixes them with MurmurHash3's finalizer.
// All replicas must agree on it, whatever their version: it is not to be changed.
func weigh(member, key string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(member)) // a hash's Write never fails
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(key))
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
