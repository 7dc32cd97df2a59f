// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

// remove deletes an object, as a service would.
func (s *shelf[T]) remove(namespace, name string) error {
	if _, err := s.get(namespace, name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key(namespace, name))
	return nil
}

func (s *services) DeleteImageRepository(
	_ context.Context, r *scannerv1.DeleteImageRepositoryRequest,
) (*scannerv1.DeleteImageRepositoryResponse, error) {
	return &scannerv1.DeleteImageRepositoryResponse{}, s.repositories.remove(r.GetNamespace(), r.GetName())
}

func (s *services) DeleteImagePolicy(
	_ context.Context, r *resolverv1.DeleteImagePolicyRequest,
) (*resolverv1.DeleteImagePolicyResponse, error) {
	return &resolverv1.DeleteImagePolicyResponse{}, s.policies.remove(r.GetNamespace(), r.GetName())
}

func (s *services) DeleteGitRepository(
	_ context.Context, r *updaterv1.DeleteGitRepositoryRequest,
) (*updaterv1.DeleteGitRepositoryResponse, error) {
	return &updaterv1.DeleteGitRepositoryResponse{}, s.sources.remove(r.GetNamespace(), r.GetName())
}

func (s *services) DeleteImageUpdateAutomation(
	_ context.Context, r *updaterv1.DeleteImageUpdateAutomationRequest,
) (*updaterv1.DeleteImageUpdateAutomationResponse, error) {
	return &updaterv1.DeleteImageUpdateAutomationResponse{}, s.automations.remove(r.GetNamespace(), r.GetName())
}

func (s *services) DeleteReceiver(
	_ context.Context, r *scannerv1.DeleteReceiverRequest,
) (*scannerv1.DeleteReceiverResponse, error) {
	return &scannerv1.DeleteReceiverResponse{}, s.receivers.remove(r.GetNamespace(), r.GetName())
}
