// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
)

// fluxFlags are the flags of flux 2's create commands, each with its shorthand and its default, as its reference has them:
// https://fluxcd.io/flux/cmd/. What is there for Kubernetes' sake alone is left out.
const fluxFlags = `
image repository: cert-ref image scan-timeout=0s secret-ref interval=1m0s export=false label=[] namespace/n=flux-system timeout=5m0s
image policy: filter-extract filter-regex image-ref interval=0s reflect-digest select-alpha select-numeric select-semver export=false label=[]
image update: author-email author-name checkout-branch commit-template git-repo-namespace git-repo-path git-repo-ref push-branch interval=1m0s export=false label=[]
source git: branch ca-file commit fetch-timeout=0s ignore-paths password/p private-key-file provider proxy-secret-ref recurse-submodules ref-name secret-ref silent/s=false sparse-checkout-paths ssh-ecdsa-curve ssh-key-algorithm ssh-rsa-bits tag tag-semver url username/u interval=1m0s export=false label=[]
receiver: event=[] resource=[] secret-ref type export=false label=[]
`

func TestTheFlagsAreFluxs(t *testing.T) {
	root := Command(connection.New(func(string) string { return "" }))
	for line := range strings.Lines(strings.TrimSpace(fluxFlags)) {
		path, flags, _ := strings.Cut(strings.TrimSpace(line), ": ")
		cmd, rest, err := root.Find(strings.Fields(path))
		if err != nil || len(rest) > 0 {
			t.Fatalf("there is no create %s: %v", path, err)
		}
		for _, word := range strings.Fields(flags) {
			name, value, _ := strings.Cut(word, "=")
			name, short, _ := strings.Cut(name, "/")
			flag := cmd.Flag(name)
			switch {
			case flag == nil:
				t.Errorf("create %s has no --%s", path, name)
			case flag.Shorthand != short:
				t.Errorf("create %s --%s has the shorthand %q, flux's has %q", path, name, flag.Shorthand, short)
			case flag.DefValue != value:
				t.Errorf("create %s --%s is %q by default, flux's %q", path, name, flag.DefValue, value)
			}
		}
	}
}
