// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// parallel is how many scenarios run at once unless -parallel says otherwise: they wait more than they compute.
const parallel = "6"

// suite holds the programs, which are built once.
var suite *harness.Suite

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		fmt.Fprintln(os.Stderr, "end-to-end tests are left out with -short")
		return 0
	}
	if !isSet("test.parallel") {
		if err := flag.Set("test.parallel", parallel); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	programs, err := harness.Build(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	suite = &harness.Suite{Programs: programs}
	code := m.Run()
	if err := programs.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func isSet(name string) bool {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// each runs a scenario against one process and against three, side by side.
func each(t *testing.T, play func(s scenario)) {
	t.Helper()
	t.Parallel()
	for _, kind := range harness.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			play(scenario{t: t, kind: kind})
		})
	}
}

// scenario is one way to play a scenario: its own test, and the kind of deployment.
type scenario struct {
	t    *testing.T
	kind harness.Kind
}
