// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package state is what the scanner keeps in its part of the store, and the only place that knows its keys:
//
//	<prefix>/scanner/
//	    imagerepositories/spec/<namespace>/<name>      metadata and spec        (platform/object)
//	    imagerepositories/status/<namespace>/<name>    uid and status           (platform/object)
//	    imagerepositories/override/<namespace>/<name>  uid and override         (platform/object)
//	    imagerepositories/taghead/<namespace>/<name>   the head of the tag set  (tagset.Head)
//	    tagchunks/<uid>/<chunk id>                     a chunk of the tag set   (tagset.Chunk)
//	    tagorigins/<uid>                               the last scans that found new tags  (origin.Scans)
//	    receivers/{spec,status,override}/<namespace>/<name>  the webhooks       (platform/object)
//	    requests/<namespace>/<name>                    scans that webhooks want (package request)
//	    metadata/<uid>/<digest>                        what a digest's content says of itself
//	    tracked/<uid>/<tag>                            a tag whose digest somebody follows (Tracked)
//	    members/<id>                                   the replicas             (platform/shard)
//	    hosts/<host>/<credential>                      a pause of a host, with a lease   (package budget)
//	    hostskey                                       the key of the credentials' names (package budget)
//
// A tag set belongs to one object, by its uid. Its chunks are written first, under ids made of their content, which nobody
// sees until the head names them; then the head is swapped, together with the object's status. Who reads takes head and
// chunks at one revision of the store, so a set is never half old and half new. Chunks that no head names, for a process
// died between the two steps, are swept at the next start. The scan that a new set is from is noted in the transaction that
// swaps the head.
//
// Metadata begins with the day on which it was last asked for; what was not for 30 days is swept, once a day. A tag is
// tracked until nobody has asked for it in a day.
//
// What a scan makes of a listing is not this package's business: see packages scan and tagset.
package state
