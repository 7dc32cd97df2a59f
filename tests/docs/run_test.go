// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// writeVariable has pages rewritten where they are wrong.
const writeVariable = "TIDEMARK_DOCS_WRITE"

// settled is how long a page that is being rewritten waits for a command that prints something else.
const settled = 3 * time.Second

func TestTheTutorialPrintsWhatItShows(t *testing.T) {
	t.Parallel()
	play(t, filepath.Join("docs", "tutorial.md"), 30)
}

func TestTheRecipesPrintWhatTheyShow(t *testing.T) {
	t.Parallel()
	play(t, filepath.Join("docs", "recipes.md"), 40)
}

// player runs one page's commands in a folder of its own.
type player struct {
	page *page
	dir  string
	env  []string
	// there turns the page's addresses into those of this run.
	there         *strings.Replacer
	registry, git string
	running       []*harness.Process
	// outputs are what is to be shown instead, by step.
	outputs map[step][]string
}

// play runs a page, which has so many commands at least.
func play(t *testing.T, name string, fewest int) {
	t.Helper()
	p, steps := newPlayer(t, name), 0
	for _, block := range p.page.blocks(t) {
		file := block.word("file")
		switch {
		case block.language == "console":
			for _, step := range p.page.steps(t, block) {
				p.run(t, block, step)
				steps++
			}
		case file != "":
			p.save(t, file, p.page.text(block.first, block.last))
		}
	}
	for _, process := range p.running {
		process.Stop(t)
	}
	p.rewrite(t)
	if steps < fewest {
		t.Errorf("%s has %d commands, want %d", name, steps, fewest)
	}
}

func newPlayer(t *testing.T, name string) *player {
	t.Helper()
	p := &player{page: readPage(t, root, name), dir: t.TempDir(), outputs: map[step][]string{}}
	var there []string
	given := map[string]string{}
	for _, port := range []string{"3000", "5000", "9000", "9100", "9110"} {
		shown := "127.0.0.1:" + port
		address := shown // so that tables are padded as a reader sees them
		if !writing() {
			address = ports.Address(t)
		}
		given[port] = address
		there = append(there, shown, address)
	}
	p.there = strings.NewReplacer(there...)
	p.git, p.registry = given["3000"], given["5000"]
	p.env = []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC", "LC_ALL=C.UTF-8",
		"GIT_CONFIG_NOSYSTEM=1", "TIDEMARK_SERVER=" + given["9000"],
		"TIDEMARK_LISTEN=" + given["9000"], "TIDEMARK_HTTP_LISTEN=" + given["9100"], "TIDEMARK_HOOK_LISTEN=" + given["9110"],
	}
	return p
}

// script is what a shell runs for a command of the page.
func (p *player) script(command string) string {
	parts := fmt.Sprintf("demo parts --registry-listen %s --git-listen %s", p.registry, p.git)
	return strings.ReplaceAll(p.there.Replace(command), "demo parts", parts)
}

func (p *player) save(t *testing.T, file, text string) {
	t.Helper()
	path := filepath.Join(p.dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(p.there.Replace(text)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a command, and has the test end where it does not print what is shown.
func (p *player) run(t *testing.T, block block, step step) {
	t.Helper()
	var err error
	switch {
	case block.word("terminal") != "":
		err = await(t, p.start(t, step))
	case block.word("wait") != "":
		err = await(t, p.once(block, step))
	default:
		err = p.once(block, step)(t.Context())
	}
	var wrong *difference
	switch {
	case err == nil:
	case writing() && errors.As(err, &wrong):
		p.outputs[step] = wrong.printed
	default:
		t.Fatalf("%s:%d: $ %s\n%v", p.page.name, step.line+1, step.command, err)
	}
}

// await looks until nothing is wrong any more.
func await(t *testing.T, look func(context.Context) error) error {
	t.Helper()
	patience := harness.Patience
	if writing() {
		patience = settled
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return harness.Poll(ctx, func(context.Context) error { return look(t.Context()) }) // what runs may end
}

// writing tells whether pages are to be rewritten.
func writing() bool { return os.Getenv(writeVariable) != "" }

// shown is what a step must print, with this run's addresses.
func (p *player) shown(step step) []string {
	return outputLines(p.there.Replace(p.page.text(step.first, step.last)))
}

// once runs a command to its end.
func (p *player) once(block block, step step) func(context.Context) error {
	return func(ctx context.Context) error {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, "sh", "-c", p.script(step.command)) // #nosec G204 -- the page's command
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, &out, &out
		cmd.WaitDelay = time.Second
		code := 0
		var exit *exec.ExitError
		if err := cmd.Run(); errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			return err
		}
		want, _ := strconv.Atoi("0" + block.word("exit"))
		if code != want {
			return fmt.Errorf("ended with %d, not %d:\n%s", code, want, out.String())
		}
		return p.compare(step, out.String(), false)
	}
}

// start starts a command that goes on running, and looks at what it has printed.
func (p *player) start(t *testing.T, step step) func(context.Context) error {
	t.Helper()
	script := "exec 2>&1; cd \"$0\" && exec " + p.script(step.command)
	process := harness.NewProcess(t, step.command, "sh", []string{"-c", script, p.dir}, p.env)
	process.Start(t)
	p.running = append([]*harness.Process{process}, p.running...)
	return func(context.Context) error {
		if err := process.Gone(); err != nil {
			return err
		}
		return p.compare(step, process.Stdout.String(), true)
	}
}

// difference is that something else is printed than shown.
type difference struct{ shown, printed []string }

func (d *difference) Error() string {
	return "the page shows\n" + strings.Join(d.shown, "\n") + "\nand it prints\n" + strings.Join(d.printed, "\n")
}

func (p *player) compare(step step, printed string, more bool) error {
	lines := outputLines(printed)
	if shown := p.shown(step); !agree(shown, lines, more) {
		return &difference{shown: shown, printed: lines}
	}
	return nil
}

// somebody is who holds or suspends.
var somebody = regexp.MustCompile(`by [\w.-]+@[\w.-]+`)

// readable is a printed line as a page shows it.
func readable(line string) string {
	line = somebody.ReplaceAllString(strings.ReplaceAll(line, "\t", "  "), "by you@laptop")
	return strings.TrimRight(line, " ")
}

// rewrite puts what was printed into the page.
func (p *player) rewrite(t *testing.T) {
	t.Helper()
	if len(p.outputs) == 0 {
		return
	}
	var lines []string
	end := 0
	for _, block := range p.page.blocks(t) {
		if block.language != "console" {
			continue
		}
		for _, step := range p.page.steps(t, block) {
			printed, wrong := p.outputs[step]
			if !wrong {
				continue
			}
			lines = append(lines, p.page.lines[end:step.first]...)
			for _, line := range printed {
				lines = append(lines, readable(line))
			}
			end = step.last
		}
	}
	lines = append(lines, p.page.lines[end:]...)
	path := filepath.Join(root, p.page.name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil { // its mode stays
		t.Fatal(err)
	}
	t.Errorf("%s is rewritten at %d places: read the difference", p.page.name, len(p.outputs))
}
