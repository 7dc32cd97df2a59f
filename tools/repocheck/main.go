// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Command repocheck holds the workspace to its rules: one module path root, one `go` line, one version of each
// dependency, replaces for every sibling, and imports that point only the way the design allows. It prints one line for
// each breach and exits with 1.
package main

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// root is what every module's path begins with.
const root = "github.com/tidemark-io/tidemark/"

// allowed lists, for each module, the siblings that it may import: gen <- platform <- services <- programs. localparts
// is for the demo and the tests; in the services only test files may import it.
var allowed = map[string][]string{
	"gen":          {},
	"platform":     {"gen"},
	"localparts":   {},
	"scanner":      {"gen", "platform"},
	"resolver":     {"gen", "platform"},
	"updater":      {"gen", "platform"},
	"cmd/tidemark": {"gen", "platform", "localparts", "scanner", "resolver", "updater"},
	"tests":        {"gen", "platform", "localparts", "scanner", "resolver", "updater"},
	"bench":        {"gen", "platform", "localparts", "scanner", "resolver", "updater"},
}

// testOnly lists siblings that a module may import in its test files alone.
var testOnly = map[string][]string{
	"scanner": {"localparts"}, "resolver": {"localparts"}, "updater": {"localparts"},
}

func main() {
	dir := flag.String("dir", ".", "the workspace's root")
	flag.Parse()
	breaches, err := check(*dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "repocheck:", err)
		os.Exit(1)
	}
	for _, b := range breaches {
		fmt.Fprintln(os.Stderr, b)
	}
	if len(breaches) > 0 {
		os.Exit(1)
	}
}

func check(dir string) ([]string, error) {
	work, err := readWork(dir)
	if err != nil {
		return nil, err
	}
	var breaches []string
	versions := map[string]map[string][]string{} // dependency -> version -> modules
	for _, use := range work.Use {
		module := strings.TrimPrefix(use.Path, "./")
		found, err := checkModule(dir, module, work.Go.Version, versions)
		if err != nil {
			return nil, err
		}
		breaches = append(breaches, found...)
		found, err = checkImports(dir, module)
		if err != nil {
			return nil, err
		}
		breaches = append(breaches, found...)
	}
	for dependency, byVersion := range versions {
		if len(byVersion) > 1 {
			breaches = append(breaches, fmt.Sprintf("%s is required at different versions: %v", dependency, byVersion))
		}
	}
	slices.Sort(breaches)
	return breaches, nil
}

func readWork(dir string) (*modfile.WorkFile, error) {
	path := filepath.Join(dir, "go.work")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return modfile.ParseWork(path, data, nil)
}

func checkModule(dir, module, goLine string, versions map[string]map[string][]string) ([]string, error) {
	path := filepath.Join(dir, module, "go.mod")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(path, data, nil)
	if err != nil {
		return nil, err
	}
	var breaches []string
	if file.Module.Mod.Path != root+module {
		breaches = append(breaches, fmt.Sprintf("%s: module path is %s, want %s", path, file.Module.Mod.Path, root+module))
	}
	if file.Go.Version != goLine {
		breaches = append(breaches, fmt.Sprintf("%s: go line is %s, want go.work's %s", path, file.Go.Version, goLine))
	}
	replaced := map[string]bool{}
	for _, replace := range file.Replace {
		replaced[replace.Old.Path] = true
	}
	for _, require := range file.Require {
		if strings.HasPrefix(require.Mod.Path, root) {
			if !replaced[require.Mod.Path] {
				breaches = append(breaches, fmt.Sprintf("%s: no replace for %s; it would not build with GOWORK=off", path, require.Mod.Path))
			}
			continue
		}
		if versions[require.Mod.Path] == nil {
			versions[require.Mod.Path] = map[string][]string{}
		}
		versions[require.Mod.Path][require.Mod.Version] = append(versions[require.Mod.Path][require.Mod.Version], module)
	}
	return breaches, nil
}

// checkImports reads the import clauses of the module's Go files.
func checkImports(dir, module string) ([]string, error) {
	may, known := allowed[module]
	if !known {
		return []string{fmt.Sprintf("%s: not in the table of modules; say in tools/repocheck what it may import", module)}, nil
	}
	var breaches []string
	err := filepath.WalkDir(filepath.Join(dir, module), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		siblings := may
		if strings.HasSuffix(path, "_test.go") {
			siblings = slices.Concat(may, testOnly[module])
		}
		found, err := checkFile(path, module, siblings)
		breaches = append(breaches, found...)
		return err
	})
	return breaches, err
}

func checkFile(path, module string, siblings []string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var breaches []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		sibling, ours := strings.CutPrefix(imported, root)
		if !ours || within(sibling, module) {
			continue
		}
		if !slices.ContainsFunc(siblings, func(s string) bool { return within(sibling, s) }) {
			breaches = append(breaches, fmt.Sprintf("%s: %s may not import %s", path, module, imported))
		}
	}
	return breaches, nil
}

func within(path, module string) bool {
	return path == module || strings.HasPrefix(path, module+"/")
}
