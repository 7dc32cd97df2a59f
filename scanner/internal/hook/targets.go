// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
)

// targets are the repositories that a notice is about: those of the receiver's resources that its filters let through, and
// of them those whose image the payload may mean. The error is receiver.ErrFilter for those that a filter could not be
// asked about, which are left out.
func (h *Hooks) targets(ctx context.Context, to *route, notice receiver.Notice) ([]object.Key, error) {
	filters := to.receiver.Filters(notice)
	var keys []object.Key
	var images []string
	var refused error
	taken := map[object.Key]bool{}
	for i, resource := range to.object.GetSpec().GetResources() {
		if resource.GetKind() != receiver.KindImageRepository {
			continue
		}
		for _, r := range h.selected(ctx, to.key.Namespace, resource) {
			key := object.KeyOfMeta(r.GetMetadata())
			if taken[key] {
				continue
			}
			let, err := filters.Let(ctx, i, func() (map[string]any, error) { return fields(r) })
			if err != nil {
				refused = errors.Join(refused, fmt.Errorf("%s: %w", key, err))
				continue
			}
			if let {
				taken[key] = true
				keys, images = append(keys, key), append(images, r.GetSpec().GetImage())
			}
		}
	}
	narrowed := receiver.Narrow(images, notice.Images)
	meant := make([]object.Key, 0, len(narrowed))
	for _, i := range narrowed {
		meant = append(meant, keys[i])
	}
	return meant, refused
}

// selected are the repositories that one of the receiver's resources names.
func (h *Hooks) selected(ctx context.Context, own string, resource *scannerv1.ReceiverResource) []*scannerv1.ImageRepository {
	namespace := resource.GetNamespace()
	if namespace == "" {
		namespace = own
	}
	if resource.GetName() != "*" {
		r, err := h.one(ctx, object.Key{Namespace: namespace, Name: resource.GetName()})
		if err != nil {
			h.logger.WarnContext(ctx, "a receiver names a repository that cannot be read",
				"repository", namespace+"/"+resource.GetName(), "error", err)
			return nil
		}
		return []*scannerv1.ImageRepository{r}
	}
	var all []*scannerv1.ImageRepository
	for _, r := range h.config.Repositories.All() {
		if r.GetMetadata().GetNamespace() == namespace && hasLabels(r.GetMetadata().GetLabels(), resource.GetMatchLabels()) {
			all = append(all, r)
		}
	}
	return all
}

func (h *Hooks) one(ctx context.Context, key object.Key) (*scannerv1.ImageRepository, error) {
	if r, ok := h.config.Repositories.Cached(key); ok {
		return r, nil
	}
	return h.config.Repositories.Get(ctx, key) // it may be newer than the cache
}

func hasLabels(labels, wanted map[string]string) bool {
	for name, value := range wanted {
		if has, ok := labels[name]; !ok || has != value {
			return false
		}
	}
	return true
}

// fields is a repository as filters see it: its manifest's kind, metadata and spec.
func fields(r *scannerv1.ImageRepository) (map[string]any, error) {
	res := map[string]any{"kind": receiver.KindImageRepository}
	for name, part := range map[string]proto.Message{"metadata": r.GetMetadata(), "spec": r.GetSpec()} {
		text, err := protojson.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("showing the repository to a filter: %w", err)
		}
		var value map[string]any
		if err := json.Unmarshal(text, &value); err != nil {
			return nil, fmt.Errorf("showing the repository to a filter: %w", err)
		}
		res[name] = value
	}
	return res, nil
}
