// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package once runs the whole loop one time in this process, for a CI job: it starts the three services on no port, gives
// them a set of manifests, scans each repository, evaluates each policy, runs or previews each automation, and ends.
//
// The services are those of `tidemark up`. The updater begins its work only when every policy has its answer, so that an
// automation makes one commit and not one for each policy.
package once

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/updater"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/up"
)

// manager is who the objects are managed by.
const manager = "once"

// Options says what to run.
type Options struct {
	// Manifests are files, folders and Git URLs (`?ref=`, `?path=`).
	Manifests []string
	// ManifestsSecret is the Git URLs' credential: a secret of SecretsDir in the namespace flux-system. Empty: anonymous.
	ManifestsSecret string
	// Namespace is given to objects that name none. Empty: the manifests' default.
	Namespace string
	// DataDir keeps first-seen times and the memory of runs from one job to the next. Empty: nothing is kept.
	DataDir string
	// SecretsDir and NamespaceLabels are config.Common's.
	SecretsDir, NamespaceLabels string
	// NoCrossNamespaceRefs is updater.Config's.
	NoCrossNamespaceRefs bool
	// DryRun previews the automations; nothing is pushed.
	DryRun bool
	// LogLevel and LogOutput are for the services' log lines.
	LogLevel  string
	LogOutput io.Writer
}

// loop is one run of the verb.
type loop struct {
	options  Options
	out      io.Writer // progress
	progress terminal.Progress
	conn     grpc.ClientConnInterface
	began    time.Time
	failed   bool

	objects *objects
	report  Report
}

// Run runs the loop, and returns what was done, also of a loop that failed. What goes wrong with single objects is shown;
// the error is then terminal.ErrShown.
func Run(ctx context.Context, options Options, out io.Writer) (report *Report, err error) {
	l := &loop{
		options: options, out: out, progress: terminal.New(out),
		report: Report{Repositories: []repository{}, Policies: []policy{}, Automations: []automation{}},
	}
	set, err := l.load(ctx)
	if err != nil {
		return &l.report, err
	}
	dir := options.DataDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "tidemark-once-"); err != nil {
			return &l.report, fmt.Errorf("make a folder for the services' data: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	updating := make(chan struct{})
	common := config.Defaults() // which listen nowhere
	common.DataDir, common.SecretsDir, common.NamespaceLabels = dir, options.SecretsDir, options.NamespaceLabels
	common.LogLevel = cmp.Or(options.LogLevel, common.LogLevel)
	services, err := up.Start(ctx, up.Options{
		Common: common, Updater: updater.Flags{NoCrossNamespaceRefs: options.NoCrossNamespaceRefs},
		LogOutput: options.LogOutput, Updating: updating,
	})
	if err != nil {
		return &l.report, err
	}
	defer func() { err = errors.Join(err, services.Stop()) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-services.Ended():
			cancel(errors.New("the services ended"))
		case <-ctx.Done():
		}
	}()
	services.Accept(set)
	l.conn, l.began = services.Conn, time.Now()
	if err := l.stages(ctx, set, updating); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return &l.report, cause
		}
		return &l.report, err
	}
	return &l.report, l.end()
}

// kindsInOrder are the kinds that take part, what is referred to first. Nobody calls a webhook of a job.
func (l *loop) kindsInOrder() []kinds.Kind {
	return []kinds.Kind{kinds.ImageRepository(), kinds.ImagePolicy(), kinds.GitRepository(), kinds.ImageUpdateAutomation()}
}
