// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
)

func (s *State) originsKey(uid string) string { return s.origins + uid }

// Origins are the scans that found new tags of an object; none where nothing is stored, as for a tag set of a version that
// kept none, or where what is stored cannot be read, which the log says. Errors: store.ErrUnavailable.
func (s *State) Origins(ctx context.Context, uid string) (origin.Scans, error) {
	resp, err := s.client.Get(ctx, s.originsKey(uid))
	if err != nil {
		return nil, store.Wrap("reading the origins of tags", err)
	}
	if len(resp.Kvs) == 0 {
		return nil, nil
	}
	scans, err := origin.Decode(resp.Kvs[0].GetValue())
	if err != nil {
		s.logger.WarnContext(ctx, "where tags come from cannot be read; it is noted afresh", "uid", uid, "error", err)
	}
	return scans, nil
}

// noting writes the scan that a swap is from, and those before it: none of them where the set begins anew. Nobody else can
// have written them meanwhile, for only a swap does, and the head is compared.
func (s *State) noting(ctx context.Context, swap Swap) ([]clientv3.Op, error) {
	if swap.Found == nil {
		return nil, nil
	}
	var before origin.Scans
	if !swap.Anew {
		var err error
		if before, err = s.Origins(ctx, swap.Head.UID); err != nil {
			return nil, err
		}
	}
	return []clientv3.Op{clientv3.OpPut(s.originsKey(swap.Head.UID), string(before.With(*swap.Found).Encode()))}, nil
}
