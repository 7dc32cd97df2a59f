// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// Dispatcher runs automations when it is asked to: dispatch.Dispatcher.
type Dispatcher interface {
	RunNow(ctx context.Context, key object.Key, tell func(*updaterv1.RunStep) error) (run.Outcome, error)
	// Known waits for the policies; an error where the resolver has never told them.
	Known(ctx context.Context) error
}

// Previewer says what a run would do: run.Runner.
type Previewer interface {
	Preview(ctx context.Context, key object.Key) (run.Preview, *run.Error)
}

// Automations is the ImageUpdateAutomationService.
type Automations struct {
	updaterv1.UnimplementedImageUpdateAutomationServiceServer
	Store      *state.Automations
	Runs       *state.Runs
	Dispatcher Dispatcher
	Previewer  Previewer
}

// ApplyImageUpdateAutomation checks template, path, selector and references, and stores the object.
func (s *Automations) ApplyImageUpdateAutomation(
	ctx context.Context, req *updaterv1.ApplyImageUpdateAutomationRequest,
) (*updaterv1.ApplyImageUpdateAutomationResponse, error) {
	_, violations := spec.ParseAutomation(req.GetImageUpdateAutomation())
	if err := refused("imageUpdateAutomation.spec.", violations); err != nil {
		return nil, err
	}
	stored, outcome, err := objectapi.Apply(ctx, s.Store, req.GetImageUpdateAutomation(), req)
	if err != nil {
		return nil, err
	}
	return &updaterv1.ApplyImageUpdateAutomationResponse{ImageUpdateAutomation: stored, Outcome: outcome}, nil
}

// GetImageUpdateAutomation reads one object.
func (s *Automations) GetImageUpdateAutomation(
	ctx context.Context, req *updaterv1.GetImageUpdateAutomationRequest,
) (*updaterv1.GetImageUpdateAutomationResponse, error) {
	found, err := objectapi.Get(ctx, s.Store, req)
	if err != nil {
		return nil, err
	}
	return &updaterv1.GetImageUpdateAutomationResponse{ImageUpdateAutomation: found}, nil
}

// ListImageUpdateAutomations reads a page of objects.
func (s *Automations) ListImageUpdateAutomations(
	ctx context.Context, req *updaterv1.ListImageUpdateAutomationsRequest,
) (*updaterv1.ListImageUpdateAutomationsResponse, error) {
	page, next, err := objectapi.List(ctx, s.Store, req)
	if err != nil {
		return nil, err
	}
	return &updaterv1.ListImageUpdateAutomationsResponse{ImageUpdateAutomations: page, NextPageToken: next}, nil
}

// DeleteImageUpdateAutomation deletes one object, and the records of its runs.
func (s *Automations) DeleteImageUpdateAutomation(
	ctx context.Context, req *updaterv1.DeleteImageUpdateAutomationRequest,
) (*updaterv1.DeleteImageUpdateAutomationResponse, error) {
	key := objectapi.Key(req)
	if err := s.Store.Delete(ctx, key, s.Runs.DropAllOps(key)...); err != nil {
		return nil, err
	}
	return &updaterv1.DeleteImageUpdateAutomationResponse{}, nil
}

// WatchImageUpdateAutomations streams objects as they change.
func (s *Automations) WatchImageUpdateAutomations(
	req *updaterv1.WatchImageUpdateAutomationsRequest, stream grpc.ServerStreamingServer[updaterv1.WatchImageUpdateAutomationsResponse],
) error {
	return objectapi.WatchRequested(stream.Context(), s.Store, req, stream.Send, automationEvent)
}

func automationEvent(event object.Event[*updaterv1.ImageUpdateAutomation]) *updaterv1.WatchImageUpdateAutomationsResponse {
	response := &updaterv1.WatchImageUpdateAutomationsResponse{ResumeToken: event.ResumeToken}
	switch {
	case event.Changed != nil:
		response.Event = &updaterv1.WatchImageUpdateAutomationsResponse_Changed{Changed: event.Changed}
	case event.Deleted != nil:
		response.Event = &updaterv1.WatchImageUpdateAutomationsResponse_Deleted{Deleted: objectapi.Deleted(event)}
	default:
		response.Event = &updaterv1.WatchImageUpdateAutomationsResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
	}
	return response
}

// RunImageUpdateAutomation runs the automation now, and streams its steps and what came of it.
func (s *Automations) RunImageUpdateAutomation(
	req *updaterv1.RunImageUpdateAutomationRequest, stream grpc.ServerStreamingServer[updaterv1.RunImageUpdateAutomationResponse],
) error {
	outcome, err := s.Dispatcher.RunNow(stream.Context(), objectapi.Key(req), func(step *updaterv1.RunStep) error {
		return stream.Send(&updaterv1.RunImageUpdateAutomationResponse{
			Event: &updaterv1.RunImageUpdateAutomationResponse_Step{Step: step},
		})
	})
	if err != nil {
		return err
	}
	if outcome.Failure != nil {
		return failed(outcome.Failure)
	}
	return stream.Send(&updaterv1.RunImageUpdateAutomationResponse{
		Event: &updaterv1.RunImageUpdateAutomationResponse_Run{Run: outcome.Run},
	})
}
