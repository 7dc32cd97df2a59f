// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"strings"
	"testing"
	"time"
)

func TestCompletionKnowsTheServersNames(t *testing.T) {
	address := populated().serve(t)
	p, _ := newPerson(t)
	p.done(t, "config", "set", "here", "--server", address)
	p.done(t, "config", "set", "tenants", "--server", address, "-n", "tenants")
	for args, want := range map[string]string{
		"get image repository ":                         "app broken new",
		"get image repository b":                        "broken",
		"get image repository app ":                     "broken new",
		"get image repository --context tenants ":       "resting",
		"get image repository -n tenants ":              "resting",
		"get image repository -A r":                     "resting",
		"get image policy ":                             "app waiting",
		"reconcile image update ":                       "flux-system",
		"reconcile image update flux-system ":           "",
		"run automation ":                               "flux-system",
		"get source git ":                               "infra",
		"get receiver ":                                 "registry resting",
		"explain ":                                      "app waiting",
		"get image policy -n ":                          "flux-system tenants",
		"get image policy -o ":                          "wide json yaml name",
		"get image policy --status-selector ready=f":    "ready=false",
		"create image policy x --select-alpha ":         "asc desc",
		"create image policy x --image-ref ":            "app broken new",
		"create image policy ":                          "",
		"get image policy --context ":                   "here tenants",
		"config use ":                                   "here tenants",
		"events --for ImageP":                           "ImagePolicy/",
		"events --for ImagePolicy/":                     "ImagePolicy/app ImagePolicy/waiting",
		"events --types ":                               "Normal Warning",
		"history image update flux-system --outcome pu": "pushed",
		"ge":          "get",
		"completion ": "bash fish powershell zsh",
		"get image repository --server 127.0.0.1:1 --time": "--timeout",
	} {
		t.Run(args, func(t *testing.T) {
			got := p.done(t, append([]string{"__completeNoDesc"}, strings.Split(args, " ")...)...)
			lines := strings.Split(strings.TrimSpace(got.out), "\n")
			if words := strings.Join(lines[:len(lines)-1], " "); words != want {
				t.Errorf("words %q, want %q", words, want)
			}
		})
	}
	if got := p.done(t, "__complete", "get", "image", "policy", ""); !strings.Contains(got.out, "app\tLatest image tag for ghcr.io/x/app resolved to 7.8.1") {
		t.Errorf("got %q", got.out)
	}
}

func TestCompletionIsSilentAndShortWhereNobodyAnswers(t *testing.T) {
	began := time.Now()
	got := tidemark(t, unused(t), "__completeNoDesc", "get", "image", "policy", "")
	if got.code != 0 || got.out != ":4\n" || strings.Contains(got.err, "✗") || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %+v", time.Since(began), got)
	}
}

func TestCompletionScripts(t *testing.T) {
	for shell, sign := range map[string]string{
		"bash": "complete -o default -F __start_tidemark tidemark", "zsh": "#compdef tidemark", "fish": "complete -c tidemark",
		"powershell": "Register-ArgumentCompleter -CommandName 'tidemark'",
	} {
		if got := tidemark(t, "", "completion", shell); got.code != 0 || !strings.Contains(got.out, sign) {
			t.Errorf("%s: exit code %d, %q", shell, got.code, got.out[:min(len(got.out), 200)])
		}
	}
}
