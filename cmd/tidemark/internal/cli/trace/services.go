// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

const (
	// runsAtOnce is the most runs that a request may ask for.
	runsAtOnce = 100
	// callsAtOnce bounds the calls that one answer has under way.
	callsAtOnce = 16
)

// services are the three.
type services struct {
	scanner, resolver, updater grpc.ClientConnInterface
	tags                       scannerv1.TagServiceClient
	resolution                 resolverv1.ResolutionServiceClient
	runs                       updaterv1.ImageUpdateAutomationServiceClient
}

func connect(ctx context.Context, servers *connection.Servers) (*services, error) {
	s := &services{}
	var errs [3]error
	s.scanner, errs[0] = servers.To(ctx, kinds.Scanner)
	s.resolver, errs[1] = servers.To(ctx, kinds.Resolver)
	s.updater, errs[2] = servers.To(ctx, kinds.Updater)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	s.tags = scannerv1.NewTagServiceClient(s.scanner)
	s.resolution = resolverv1.NewResolutionServiceClient(s.resolver)
	s.runs = updaterv1.NewImageUpdateAutomationServiceClient(s.updater)
	return s, nil
}

// list lists the objects of a kind; namespace empty: of all.
func list[T kinds.Object](ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, namespace string) ([]T, error) {
	found, err := kind.List(ctx, conn, kinds.Filter{Namespace: namespace})
	if err != nil {
		return nil, err
	}
	all := make([]T, 0, len(found))
	for _, each := range found {
		if object, ok := each.(T); ok {
			all = append(all, object)
		}
	}
	return all, nil
}

// get reads one object, `<namespace>/<name>`.
func get[T kinds.Object](ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, namespace, name string) (T, error) {
	var none T
	found, err := kind.Get(ctx, conn, namespace, name)
	if err != nil {
		return none, err
	}
	object, ok := found.(T)
	if !ok {
		return none, fmt.Errorf("the service answers with another object than an %s", kind.Noun)
	}
	return object, nil
}

// history is one automation and its recorded runs with a commit, the last one first.
type history struct {
	automation *updaterv1.ImageUpdateAutomation
	runs       []*updaterv1.Run
}

func (h history) name() string { return nameOf(h.automation) }

// histories reads the runs of automations. With an error they are those that could be read.
func (s *services) histories(ctx context.Context, automations []*updaterv1.ImageUpdateAutomation) ([]history, error) {
	all := make([]history, len(automations))
	err := each(len(automations), func(i int) error {
		runs, err := s.pushed(ctx, automations[i])
		if err == nil {
			all[i] = history{automations[i], runs}
		}
		return err
	})
	return slices.DeleteFunc(all, func(h history) bool { return h.automation == nil }), err
}

func (s *services) pushed(ctx context.Context, of *updaterv1.ImageUpdateAutomation) ([]*updaterv1.Run, error) {
	var all []*updaterv1.Run
	req := &updaterv1.ListRunsRequest{
		Namespace: of.GetMetadata().GetNamespace(), Name: of.GetMetadata().GetName(), PageSize: runsAtOnce,
		// A commit is recorded before it is pushed: a run that has not ended may have pushed it already.
		Outcomes: []updaterv1.RunOutcome{updaterv1.RunOutcome_RUN_OUTCOME_PUSHED, updaterv1.RunOutcome_RUN_OUTCOME_UNSPECIFIED},
	}
	for {
		page, err := s.runs.ListRuns(ctx, req)
		if err != nil {
			return nil, err //nolint:wrapcheck // the connection gives errors their sentence
		}
		for _, run := range page.GetRuns() {
			if run.GetCommit() != "" {
				all = append(all, run)
			}
		}
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			return all, nil
		}
	}
}

// each calls f with 0 to n-1, some at a time, and joins the errors in that order.
func each(n int, f func(i int) error) error {
	errs := make([]error, n)
	free := make(chan struct{}, callsAtOnce)
	var group sync.WaitGroup
	for i := range n {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			errs[i] = f(i)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// says tells whether an error is a service's word about an object, which is an answer here, rather than a failure.
func says(err error) bool {
	switch status.Code(err) { //nolint:exhaustive // All others are failures.
	case codes.NotFound, codes.FailedPrecondition, codes.InvalidArgument:
		return true
	}
	return false
}

// unlessSaid is the error, or nil where a service has said something about an object.
func unlessSaid(err error) error {
	if says(err) {
		return nil
	}
	return err
}

// together calls all at the same time, and joins the errors.
func together(calls ...func() error) error {
	return each(len(calls), func(i int) error { return calls[i]() })
}

func nameOf(o kinds.Object) string {
	return o.GetMetadata().GetNamespace() + "/" + o.GetMetadata().GetName()
}
