// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package state says where the updater keeps what it stores, and is the only place that builds its keys. Policies are the
// resolver's and are followed into memory; the Git caches are under the data folder and can be had again.
//
//	<prefix>/updater/gitrepositories/{spec,status,override}/<namespace>/<name>
//	<prefix>/updater/imageupdateautomations/{spec,status,override}/<namespace>/<name>
//	<prefix>/updater/runs/<namespace>/<name>/<run id>   a Run that made a commit: written before the push; the last 50
//	<prefix>/updater/members/<id>                       the replicas; see platform/shard
//
// A run without an end_time was cut off, or its push was: whether its commit arrived is for the remote to say.
package state
