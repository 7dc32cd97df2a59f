// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package state says where the updater keeps what it stores, and is the only place that builds its keys. Policies are the
// resolver's and are followed into memory; the Git caches are under the data folder and can be had again.
//
//	<prefix>/updater/gitrepositories/{spec,status,override}/<namespace>/<name>
//	<prefix>/updater/imageupdateautomations/{spec,status,override}/<namespace>/<name>
//	<prefix>/updater/runs/<namespace>/<name>/<run id>        the record: a Run of up to 1.2 MiB
//	<prefix>/updater/runs-index/<namespace>/<name>/<run id>  its head: a Run of some 150 bytes, to find records by
//	<prefix>/updater/runs-open/<namespace>/<name>/<run id>   empty: the record is open
//	<prefix>/updater/runs-format                             `2`: every record has its head, every open one its mark
//	<prefix>/updater/members/<id>                            the replicas; see platform/shard
//
// A record, its head and its mark are written in one transaction. Ids are UUIDs of version 7, so that their order is that of
// the runs. A run that makes a commit is recorded before the push; one that makes none when it ends. A record is open as
// long as nobody knows whether its commit arrived, or its second push has not: that is for the remote to say. Of an
// automation's records the last 50 with a commit stay, and the last 50 without; a run whose commit was refused is one of
// the latter, so that a remote which refuses everything does not push out what we know of our commits.
//
// The version before wrote records alone (of format 1, with the same key and value). Where runs-format is not there, the
// first use of the records makes heads and marks of them. A replica of the version before must not run beside this one:
// what it records gets no head.
package state
