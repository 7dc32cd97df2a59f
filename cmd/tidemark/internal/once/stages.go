// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package once

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/outcome"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/preview"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/reconcile"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

const (
	// look is how often something is looked at that comes by itself, within milliseconds as a rule.
	look = 20 * time.Millisecond
	// patience is how long a service may take to see what its upstream has.
	patience = 15 * time.Second
)

// stages goes through the loop. What fails of a single object is noted in the report, and the rest goes on; the error is
// one that leaves no sense in that.
func (l *loop) stages(ctx context.Context, set *manifest.Set, updating chan struct{}) error {
	if err := l.apply(ctx, set); err != nil {
		return err
	}
	l.report.Repositories = make([]repository, len(l.objects.repositories))
	if err := each(ctx, len(l.objects.repositories), l.out, l.scan); err != nil {
		return err
	}
	revisions, err := l.revisions(ctx)
	if err != nil {
		return err
	}
	l.report.Policies = make([]policy, len(l.objects.policies))
	if err := each(ctx, len(l.objects.policies), l.out, func(ctx context.Context, i int, progress terminal.Progress) error {
		return l.evaluate(ctx, i, revisions, progress)
	}); err != nil {
		return err
	}
	close(updating)
	l.report.Automations = make([]automation, len(l.objects.automations))
	return each(ctx, len(l.objects.automations), l.out, l.automate)
}

// rests says that an object is skipped.
func rests(o kinds.Object, noun string, progress terminal.Progress) bool {
	by := kinds.SuspendedBy(o)
	if by == "" {
		return false
	}
	progress.Warning("%s %s in %s namespace is suspended by %s, and is skipped", noun, o.GetMetadata().GetName(), o.GetMetadata().GetNamespace(), by)
	return true
}

// scan scans one repository, or waits for the scan that a new one gets.
func (l *loop) scan(ctx context.Context, i int, progress terminal.Progress) error {
	o, told := l.objects.repositories[i], &l.report.Repositories[i]
	told.Key = keyOf(o)
	if told.Suspended = rests(o, "ImageRepository", progress); told.Suspended {
		return nil
	}
	progress.Action("scanning ImageRepository %s in %s namespace", told.Name, told.Namespace)
	client := scannerv1.NewImageRepositoryServiceClient(l.conn)
	var err error
	if l.objects.created[o] {
		told.Tags, err = firstScan(ctx, client, told.Key)
	} else {
		var answer *scannerv1.ScanImageRepositoryResponse
		answer, err = client.ScanImageRepository(ctx, &scannerv1.ScanImageRepositoryRequest{Namespace: told.Namespace, Name: told.Name})
		told.Tags = answer.GetResult().GetTagCount()
	}
	return l.ended(ctx, err, &told.Error, progress, func() { progress.Success("scan fetched %d tags", told.Tags) })
}

// firstScan waits for the scan of a new repository.
func firstScan(ctx context.Context, client scannerv1.ImageRepositoryServiceClient, key Key) (int32, error) {
	for {
		answer, err := client.GetImageRepository(ctx, &scannerv1.GetImageRepositoryRequest{Namespace: key.Namespace, Name: key.Name})
		if err != nil {
			return 0, err
		}
		o := answer.GetImageRepository()
		switch c := kinds.Ready(o); c.GetStatus() {
		case metav1.ConditionStatus_CONDITION_STATUS_TRUE:
			return o.GetStatus().GetLastScanResult().GetTagCount(), nil
		case metav1.ConditionStatus_CONDITION_STATUS_FALSE:
			return 0, errors.New(c.GetMessage())
		default:
		}
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
}

// ended notes how the work on one object ended. The error is one of the whole loop.
func (l *loop) ended(ctx context.Context, err error, told *string, progress terminal.Progress, done func()) error {
	switch {
	case err == nil:
		done()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		*told = rpcerr.Sentence(err)
		progress.Errors(err)
	}
	return nil
}

// revisions are the tag sets' revisions by repository: policies are evaluated over these, or later ones.
func (l *loop) revisions(ctx context.Context) (map[Key]int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heads, err := scannerv1.NewTagServiceClient(l.conn).WatchTags(ctx, &scannerv1.WatchTagsRequest{})
	if err != nil {
		return nil, err
	}
	all := map[Key]int64{}
	for {
		event, err := heads.Recv()
		switch {
		case err != nil:
			return nil, err
		case event.GetCheckpoint() != nil:
			return all, nil
		case event.GetChanged() != nil:
			head := event.GetChanged()
			all[Key{head.GetRepository().GetNamespace(), head.GetRepository().GetName()}] = head.GetRevision()
		}
	}
}

// evaluate evaluates one policy, over the tags that were just scanned.
func (l *loop) evaluate(ctx context.Context, i int, revisions map[Key]int64, progress terminal.Progress) error {
	o, told := l.objects.policies[i], &l.report.Policies[i]
	told.Key = keyOf(o)
	if told.Suspended = rests(o, "ImagePolicy", progress); told.Suspended {
		return nil
	}
	progress.Action("evaluating ImagePolicy %s in %s namespace", told.Name, told.Namespace)
	ref := o.GetSpec().GetImageRepositoryRef()
	from := Key{ref.GetNamespace(), ref.GetName()}
	if from.Namespace == "" {
		from.Namespace = told.Namespace
	}
	evaluated, err := l.answer(ctx, told.Key, revisions[from])
	for _, warning := range evaluated.GetStatus().GetWarnings() {
		progress.Warning("%s", warning)
	}
	if c := kinds.Ready(evaluated); err == nil && c.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_FALSE {
		err = errors.New(c.GetMessage())
	}
	return l.ended(ctx, err, &told.Error, progress, func() {
		told.Image = evaluated.GetStatus().GetLatestImage()
		progress.Success("%s", outcome.Of(evaluated))
	})
}

// answer asks until the resolver has seen the revision. Of a repository without tags nothing is waited for.
func (l *loop) answer(ctx context.Context, key Key, revision int64) (*resolverv1.ImagePolicy, error) {
	client := resolverv1.NewImagePolicyServiceClient(l.conn)
	for began := time.Now(); ; {
		answer, err := client.ReconcileImagePolicy(ctx, &resolverv1.ReconcileImagePolicyRequest{Namespace: key.Namespace, Name: key.Name})
		if err == nil && answer.GetImagePolicy().GetStatus().GetTagSetRevision() >= revision {
			return answer.GetImagePolicy(), nil
		}
		waits := err == nil || rpcerr.Reason(err) == metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY
		switch {
		case revision == 0 || !waits:
			return answer.GetImagePolicy(), err
		case time.Since(began) > patience && err == nil:
			return nil, errors.New("the resolver has not seen what was scanned")
		case time.Since(began) > patience:
			return nil, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// automate runs one automation, or previews it.
func (l *loop) automate(ctx context.Context, i int, progress terminal.Progress) error {
	o, told := l.objects.automations[i], &l.report.Automations[i]
	told.Key = keyOf(o)
	if told.Suspended = l.objects.resting[o]; told.Suspended {
		rests(o, "ImageUpdateAutomation", progress)
		return nil
	}
	if l.options.DryRun {
		progress.Action("previewing ImageUpdateAutomation %s in %s namespace", told.Name, told.Namespace)
		answer, err := preview.Ask(ctx, l.conn, told.Namespace, told.Name)
		return l.ended(ctx, err, &told.Error, progress, func() {
			told.preview = answer
			told.runs = []*updaterv1.Run{answer.GetRun()}
			reconcile.Warnings(answer.GetRun(), progress)
			preview.Summary(answer.GetRun(), progress)
		})
	}
	progress.Action("running ImageUpdateAutomation %s in %s namespace", told.Name, told.Namespace)
	err := l.run(ctx, told, progress)
	return l.ended(ctx, err, &told.Error, progress, func() {})
}

// run runs an automation, and shows what came of it. The updater runs a new automation by itself: where the run that was
// asked for came after that one, the commit is the earlier one's.
func (l *loop) run(ctx context.Context, told *automation, progress terminal.Progress) error {
	client := updaterv1.NewImageUpdateAutomationServiceClient(l.conn)
	steps, err := client.RunImageUpdateAutomation(ctx,
		&updaterv1.RunImageUpdateAutomationRequest{Namespace: told.Namespace, Name: told.Name})
	if err != nil {
		return err
	}
	var last *updaterv1.Run
	for last == nil {
		answer, err := steps.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("the run ended without a word of how it went")
		case err != nil:
			return err
		case answer.GetRun() != nil:
			last = answer.GetRun()
		default:
			progress.Wait("%s", answer.GetStep().GetMessage())
		}
	}
	answer, err := client.ListRuns(ctx, &updaterv1.ListRunsRequest{
		Namespace: told.Namespace, Name: told.Name, Outcomes: []updaterv1.RunOutcome{updaterv1.RunOutcome_RUN_OUTCOME_PUSHED},
	})
	if err != nil {
		return fmt.Errorf("see what was pushed: %w", err)
	}
	for _, run := range slices.Backward(answer.GetRuns()) {
		if !run.GetStartTime().AsTime().Before(l.began) && run.GetId() != last.GetId() {
			told.runs = append(told.runs, run)
		}
	}
	if last.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE || len(told.runs) == 0 {
		told.runs = append(told.runs, last)
	}
	var errs []error
	for _, run := range told.runs {
		errs = append(errs, reconcile.Ended(run, progress))
	}
	return errors.Join(errs...)
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(look):
		return nil
	}
}
