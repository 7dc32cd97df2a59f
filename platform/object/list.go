// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/store"
)

// List reads one page of the objects that match, ordered by key, from the store: what was written before is seen. Each
// page is of one moment; the pages of a listing need not be of the same. The page token remembers the last key, so it
// never expires. Errors: a *rpcerr.Error for a bad selector or token, store.ErrUnavailable.
func (s *Store[T]) List(ctx context.Context, f Filter, pageSize int, pageToken string) (page []T, next string, err error) {
	match, err := newMatcher(f)
	if err != nil {
		return nil, "", err
	}
	hash := match.hash(s.kind.Plural)
	after, err := parsePageToken(pageToken, hash)
	if err != nil {
		return nil, "", err
	}
	first := s.prefix + specPart + "/"
	if f.Namespace != "" {
		first += f.Namespace + "/"
	}
	from, end := first, clientv3.GetPrefixRangeEnd(first)
	if after != "" {
		from = max(first, s.prefix+specPart+"/"+after+"\x00")
	}
	// The page is full when one object more than its size is found: then there is a next page.
	for more := true; more && len(page) <= pageSize; {
		var batch []T
		if batch, from, more, err = s.listBatch(ctx, from, end, pageSize+1); err != nil {
			return nil, "", err
		}
		for _, object := range batch {
			if match.matches(object.GetMetadata()) {
				page = append(page, object)
			}
		}
	}
	if len(page) <= pageSize {
		return page, "", nil
	}
	page = page[:pageSize]
	return page, newPageToken(hash, KeyOfMeta(page[pageSize-1].GetMetadata())), nil
}

// listBatch reads the specs of a range of keys, and the statuses and overrides that belong to them at the same revision.
func (s *Store[T]) listBatch(ctx context.Context, from, end string, limit int) (objects []T, next string, more bool, err error) {
	specs, err := s.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(int64(limit)))
	if err != nil {
		return nil, "", false, store.Wrap("listing "+s.kind.Plural, err)
	}
	if len(specs.Kvs) == 0 {
		return nil, "", false, nil
	}
	last := string(specs.Kvs[len(specs.Kvs)-1].GetKey())
	statuses, err := s.listPart(ctx, statusPart, string(specs.Kvs[0].GetKey()), last, specs.Header.GetRevision())
	if err != nil {
		return nil, "", false, err
	}
	overrides, err := s.listPart(ctx, overridePart, string(specs.Kvs[0].GetKey()), last, specs.Header.GetRevision())
	if err != nil {
		return nil, "", false, err
	}
	for _, kv := range specs.Kvs {
		name := s.nameOf(kv, specPart)
		object, err := s.codec.compose(kv.GetValue(), kv.GetModRevision(), statuses[name], overrides[name])
		if err != nil {
			s.opts.logger.ErrorContext(ctx, "a stored object is not readable, and is not listed", "kind", s.kind.Noun, "object", name, "error", err)
			continue
		}
		objects = append(objects, object)
	}
	return objects, last + "\x00", specs.More, nil
}

// listPart reads another part of the objects whose specs' keys lie between the two.
func (s *Store[T]) listPart(ctx context.Context, part, firstSpec, lastSpec string, revision int64) (map[string][]byte, error) {
	spec, other := s.prefix+specPart+"/", s.prefix+part+"/"
	from, end := other+strings.TrimPrefix(firstSpec, spec), other+strings.TrimPrefix(lastSpec, spec)+"\x00"
	resp, err := s.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithRev(revision))
	if err != nil {
		return nil, store.Wrap("listing "+s.kind.Plural, err)
	}
	values := make(map[string][]byte, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		values[s.nameOf(kv, part)] = kv.GetValue()
	}
	return values, nil
}

func (s *Store[T]) nameOf(kv *mvccpb.KeyValue, part string) string {
	return strings.TrimPrefix(string(kv.GetKey()), s.prefix+part+"/")
}

// A page token is base64url of the filter's hash (8 bytes) and the last key of the page before.
func newPageToken(hash uint64, last Key) string {
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, hash), last.String()...))
}

func parsePageToken(text string, hash uint64) (string, error) {
	if text == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) <= 8 {
		return "", rpcerr.Field("page_token", "is no page token: leave it empty for the first page")
	}
	if binary.BigEndian.Uint64(b) != hash {
		return "", rpcerr.Field("page_token", "is of another filter: leave it empty for the first page")
	}
	return string(b[8:]), nil
}
