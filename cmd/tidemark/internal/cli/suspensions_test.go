// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// suspend keeps a suspension, as a service would.
func (s *shelf[T]) suspend(namespace, name, reason, actor string) (T, error) {
	return s.say(namespace, name, &metav1.Suspension{Actor: actor, Reason: reason, Time: timestamppb.New(noon)})
}

// resume takes it back.
func (s *shelf[T]) resume(namespace, name string) (T, error) { return s.say(namespace, name, nil) }

func (s *shelf[T]) say(namespace, name string, suspension *metav1.Suspension) (T, error) {
	o, err := s.get(namespace, name)
	if err != nil {
		return o, err
	}
	changed, ok := proto.Clone(o).(T)
	if !ok {
		panic("a clone is of another type")
	}
	m := changed.ProtoReflect()
	if field := spec(changed).ProtoReflect(); suspension == nil && field.Get(field.Descriptor().Fields().ByName("suspend")).Bool() {
		return o, rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_SUSPENDED,
			"%s is suspended by its manifest as well: apply it without", name)
	}
	override := m.Mutable(m.Descriptor().Fields().ByName("override")).Message()
	at := override.Descriptor().Fields().ByName("suspension")
	override.Clear(at)
	if suspension != nil {
		override.Set(at, protoreflect.ValueOfMessage(suspension.ProtoReflect()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key(namespace, name)] = changed
	return changed, nil
}

func (s *services) SuspendImageRepository(
	_ context.Context, r *scannerv1.SuspendImageRepositoryRequest,
) (*scannerv1.SuspendImageRepositoryResponse, error) {
	o, err := s.repositories.suspend(r.GetNamespace(), r.GetName(), r.GetReason(), r.GetActor())
	return &scannerv1.SuspendImageRepositoryResponse{ImageRepository: o}, err
}

func (s *services) ResumeImageRepository(
	_ context.Context, r *scannerv1.ResumeImageRepositoryRequest,
) (*scannerv1.ResumeImageRepositoryResponse, error) {
	o, err := s.repositories.resume(r.GetNamespace(), r.GetName())
	return &scannerv1.ResumeImageRepositoryResponse{ImageRepository: o}, err
}

func (s *services) SuspendReceiver(
	_ context.Context, r *scannerv1.SuspendReceiverRequest,
) (*scannerv1.SuspendReceiverResponse, error) {
	o, err := s.receivers.suspend(r.GetNamespace(), r.GetName(), r.GetReason(), r.GetActor())
	return &scannerv1.SuspendReceiverResponse{Receiver: o}, err
}

func (s *services) ResumeReceiver(
	_ context.Context, r *scannerv1.ResumeReceiverRequest,
) (*scannerv1.ResumeReceiverResponse, error) {
	o, err := s.receivers.resume(r.GetNamespace(), r.GetName())
	return &scannerv1.ResumeReceiverResponse{Receiver: o}, err
}

func (s *services) SuspendImagePolicy(
	_ context.Context, r *resolverv1.SuspendImagePolicyRequest,
) (*resolverv1.SuspendImagePolicyResponse, error) {
	o, err := s.policies.suspend(r.GetNamespace(), r.GetName(), r.GetReason(), r.GetActor())
	return &resolverv1.SuspendImagePolicyResponse{ImagePolicy: o}, err
}

func (s *services) ResumeImagePolicy(
	_ context.Context, r *resolverv1.ResumeImagePolicyRequest,
) (*resolverv1.ResumeImagePolicyResponse, error) {
	o, err := s.policies.resume(r.GetNamespace(), r.GetName())
	return &resolverv1.ResumeImagePolicyResponse{ImagePolicy: o}, err
}

func (s *services) SuspendGitRepository(
	_ context.Context, r *updaterv1.SuspendGitRepositoryRequest,
) (*updaterv1.SuspendGitRepositoryResponse, error) {
	o, err := s.sources.suspend(r.GetNamespace(), r.GetName(), r.GetReason(), r.GetActor())
	return &updaterv1.SuspendGitRepositoryResponse{GitRepository: o}, err
}

func (s *services) ResumeGitRepository(
	_ context.Context, r *updaterv1.ResumeGitRepositoryRequest,
) (*updaterv1.ResumeGitRepositoryResponse, error) {
	o, err := s.sources.resume(r.GetNamespace(), r.GetName())
	return &updaterv1.ResumeGitRepositoryResponse{GitRepository: o}, err
}

func (s *services) SuspendImageUpdateAutomation(
	_ context.Context, r *updaterv1.SuspendImageUpdateAutomationRequest,
) (*updaterv1.SuspendImageUpdateAutomationResponse, error) {
	o, err := s.automations.suspend(r.GetNamespace(), r.GetName(), r.GetReason(), r.GetActor())
	return &updaterv1.SuspendImageUpdateAutomationResponse{ImageUpdateAutomation: o}, err
}

func (s *services) ResumeImageUpdateAutomation(
	_ context.Context, r *updaterv1.ResumeImageUpdateAutomationRequest,
) (*updaterv1.ResumeImageUpdateAutomationResponse, error) {
	o, err := s.automations.resume(r.GetNamespace(), r.GetName())
	if err == nil && s.resumed != nil {
		s.resumed(r)
	}
	return &updaterv1.ResumeImageUpdateAutomationResponse{ImageUpdateAutomation: o}, err
}

func (s *services) ListRuns(_ context.Context, r *updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error) {
	return s.listRuns(r)
}

func (s *services) PreviewImageUpdateAutomation(
	_ context.Context, r *updaterv1.PreviewImageUpdateAutomationRequest,
) (*updaterv1.PreviewImageUpdateAutomationResponse, error) {
	return s.preview(r)
}
