// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tidemark-io/tidemark/updater/internal/message"
	"github.com/tidemark-io/tidemark/updater/marker"
)

func sample() message.Data {
	change := func(kind, object, policy string, part marker.Part, before, after string, image marker.Image) marker.Change {
		return marker.Change{
			Marker: marker.Marker{
				Ref:    marker.Ref{Namespace: "flux-system", Name: policy, Part: part},
				Object: marker.ObjectID{Kind: kind, Name: object, Namespace: "prod", APIVersion: "apps/v1"},
			},
			Old: before, New: after, Image: image,
		}
	}
	podinfo := marker.Image{Name: "ghcr.io/stefanprodan/podinfo", Tag: "6.1.0"}
	alpine := marker.Image{Name: "alpine", Tag: "3.20", Digest: "sha256:" + strings.Repeat("a", 64)}
	return message.NewData(message.ObjectName{Namespace: "flux-system", Name: "all"}, map[string][]marker.Change{
		"b/z.yaml": {
			change("Deployment", "podinfo", "podinfo", marker.Whole, "p:5.0.0", "p:6.1.0", podinfo),
			change("Deployment", "podinfo", "podinfo", marker.Tag, "5.0.0", "6.1.0", podinfo),
		},
		"a/a.yaml": {change("CronJob", "backup", "alpine", marker.Whole, "alpine:3.19", "alpine:3.20", alpine)},
	}, map[string]string{"cluster": "prod", "env": "eu"})
}

func render(t *testing.T, text string) string {
	t.Helper()
	tmpl, err := message.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tmpl.Render(sample())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTemplatesOfFluxRender(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("a", 64)
	tests := map[string]struct{ text, want string }{
		"no template gives the default":     {"", message.Default},
		"nothing printed gives the default": {"{{ if false }}x{{ end }}\n", message.Default},
		"v1beta1": {
			"Automated image update\n\nAutomation name: {{ .AutomationObject }}\n\nFiles:\n{{ range $filename, $_ := .Updated.Files -}}\n" +
				"- {{ $filename }}\n{{ end -}}\n\nObjects:\n{{ range $resource, $_ := .Updated.Objects -}}\n- {{ $resource.Kind }} {{ $resource.Name }}\n{{ end -}}\n\n" +
				"Images:\n{{ range .Updated.Images -}}\n- {{.}}\n{{ end -}}",
			"Automated image update\n\nAutomation name: flux-system/all\n\nFiles:\n- a/a.yaml\n- b/z.yaml\nObjects:\n- CronJob backup\n- Deployment podinfo\n" +
				"Images:\n- alpine:3.20" + digest + "\n- ghcr.io/stefanprodan/podinfo:6.1.0\n",
		},
		"v1": {
			"Objects:\n{{- range $resource, $changes := .Changed.Objects }}\n- {{ $resource.Kind }} {{ $resource.Name }}\n" +
				"{{- range $_, $change := $changes }}\n    - {{ $change.OldValue }} -> {{ $change.NewValue }} ({{ $change.Setter }})\n{{- end }}\n{{- end }}",
			"Objects:\n- CronJob backup\n    - alpine:3.19 -> alpine:3.20 (flux-system:alpine)\n- Deployment podinfo\n" +
				"    - p:5.0.0 -> p:6.1.0 (flux-system:podinfo)\n    - 5.0.0 -> 6.1.0 (flux-system:podinfo:tag)",
		},
		"changes by file": {
			"{{ range $f, $objects := .Changed.FileChanges }}{{ $f }}:{{ range $o, $c := $objects }} {{ $o.Namespace }}/{{ $o.Name }}={{ len $c }}{{ end }};{{ end }}",
			"a/a.yaml: prod/backup=1;b/z.yaml: prod/podinfo=2;",
		},
		"all changes": {"{{ range .Changed.Changes }}{{ .NewValue }} {{ end }}", "alpine:3.20 p:6.1.0 6.1.0 "},
		"parts of an image": {
			"{{ range .Updated.Images }}{{ .Registry }} {{ .Repository }} {{ .Identifier }} {{ .Name }} {{ .Policy }}\n{{ end }}",
			"index.docker.io library/alpine " + digest[1:] + " index.docker.io/library/alpine" + digest + " flux-system/alpine\n" +
				"ghcr.io stefanprodan/podinfo 6.1.0 ghcr.io/stefanprodan/podinfo:6.1.0 flux-system/podinfo\n",
		},
		"values":         {"{{ .Values.cluster }} {{ .Values.none }}", "prod <no value>"},
		"sprig":          {`{{ "a b" | upper | replace " " "_" | quote }} {{ repeat 3 "ab" }} {{ join "," (list 1 "x") }}`, `"A_B" ababab 1,x`},
		"sorted keys":    {`{{ keys (dict "b" 1 "a" 2) | join "," }} {{ values (dict "b" 1 "a" 2) | join "," }}`, "a,b 2,1"},
		"indent":         {`{{ "a\nb" | indent 2 }}|{{ "a" | nindent 1 }}`, "  a\n  b|\n a"},
		"counting":       {`{{ until 3 }} {{ untilStep 4 0 -2 }} {{ until -2 }}`, "[0 1 2] [4 2] [0 -1]"},
		"expressions":    {`{{ regexReplaceAll "v([0-9]+)" "v12" "${1}!" }} {{ regexMatch "^a" "abc" }}`, "12! true"},
		"printf":         {`{{ printf "%-5s|%03d|%d%%" "a" 7 50 }}`, "a    |007|50%"},
		"defined blocks": {`{{ define "x" }}<{{ . }}>{{ end }}{{ template "x" 1 }}{{ template "x" 2 }}`, "<1><2>"},
		"zero bytes":     {"a{{ \"\\x00\\xff\" }}b", "a\uFFFD\uFFFDb"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := render(t, test.text); got != test.want {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
		})
	}
}

func TestWrongTemplatesSayWhere(t *testing.T) {
	tests := map[string]struct {
		text string
		line int
	}{
		"unclosed":       {"a\n{{ if .X }}\n", 3},
		"no function":    {"a\n\n{{ nothing }}", 3},
		"environment":    {`{{ env "HOME" }}`, 1},
		"clock":          {"{{ now }}", 1},
		"randomness":     {"{{ randAlpha 5 }}", 1},
		"random bytes":   {"{{ randBytes 5 }}", 1},
		"keys":           {`{{ genPrivateKey "rsa" }}`, 1},
		"network":        {`{{ getHostByName "localhost" }}`, 1},
		"shuffle":        {`{{ shuffle "abc" }}`, 1},
		"no field":       {"a\n{{ .Nothing }}", 2},
		"division":       {"{{ div 1 0 }}", 1},
		"it says so":     {`{{ fail "no" }}`, 1},
		"wrong argument": {`{{ repeat "x" "y" }}`, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tmpl, err := message.Parse(test.text)
			if err == nil {
				_, err = tmpl.Render(sample())
			}
			var where *message.Error
			if !errors.As(err, &where) || !errors.Is(err, message.ErrTemplate) {
				t.Fatalf("got %v", err)
			}
			if where.Line != test.line {
				t.Errorf("line %d, want %d: %v", where.Line, test.line, err)
			}
		})
	}
}

func TestHostileTemplatesEnd(t *testing.T) {
	double := func(expr string) string {
		return `{{ $s := ` + expr + ` }}{{ range until 60 }}`
	}
	tests := map[string]string{
		"much output":          `{{ range until 9000 }}0123456789{{ end }}`,
		"a long repeat":        `{{ repeat 1000000000 "x" }}`,
		"repeat of nothing":    `{{ repeat 9000000000000000000 "" }}`,
		"a long until":         `{{ until 1000000000 }}`,
		"an endless step":      `{{ untilStep 0 9223372036854775807 9223372036854775806 | len }}{{ until 10001 }}`,
		"a wide indent":        `{{ indent 1000000000 "x" }}`,
		"a wide column":        `{{ printf "%999999d" 1 }}`,
		"a width argument":     `{{ printf "%*d" 100000 1 }}`,
		"a wide precision":     `{{ printf "%.999999f" 1.0 }}`,
		"a silent loop":        `{{ range 9000000000000000 }}{{ end }}`,
		"loops in loops":       `{{ $l := until 10000 }}{{ range $l }}{{ range $l }}{{ range $l }}{{ end }}{{ end }}{{ end }}`,
		"recursion":            `{{ define "a" }}{{ template "b" }}{{ end }}{{ define "b" }}{{ template "a" }}{{ end }}{{ template "a" }}`,
		"doubling by printf":   double(`"xx"`) + `{{ $s = printf "%s%s" $s $s }}{{ end }}`,
		"doubling by print":    double(`"xx"`) + `{{ $s = print $s $s }}{{ end }}`,
		"doubling by cat":      double(`"xx"`) + `{{ $s = cat $s $s }}{{ end }}`,
		"doubling by list":     double(`list 1 2`) + `{{ $s = list $s $s }}{{ end }}`,
		"doubling by concat":   double(`list 1 2`) + `{{ $s = concat $s $s }}{{ end }}`,
		"doubling by dict":     double(`dict "a" 1`) + `{{ $s = dict "a" $s "b" $s }}{{ end }}`,
		"doubling by replace":  double(`"xx"`) + `{{ $s = replace "x" $s $s }}{{ end }}`,
		"doubling by join":     double(`"xx"`) + `{{ $s = join $s (list $s $s $s) }}{{ end }}`,
		"doubling by json":     double(`"\""`) + `{{ $s = toJson $s }}{{ end }}`,
		"doubling by quote":    double(`"\\"`) + `{{ $s = quote $s }}{{ end }}`,
		"a map in itself":      `{{ $d := dict "a" 1 }}{{ $_ := set $d "a" $d }}{{ $d }}`,
		"much work":            `{{ $s := repeat 200000 "x" }}{{ range until 10000 }}{{ $x := sha512sum $s }}{{ end }}`,
		"a large expression":   `{{ regexMatch "(a?){1000}(b?){1000}c" (repeat 100000 "a") }}`,
		"growing replacements": `{{ regexReplaceAll "." (repeat 10000 "a") (repeat 10000 "$0") }}`,
		"pairs":                `{{ until 10000 | uniq }}`,
	}
	var calls strings.Builder
	for i := range 50 {
		a, b := fmt.Sprintf("t%d", i), fmt.Sprintf("t%d", i+1)
		calls.WriteString(`{{ define "` + a + `" }}{{ template "` + b + `" }}{{ template "` + b + `" }}{{ end }}`)
	}
	tests["a tree of calls"] = calls.String() + `{{ define "t50" }}{{ end }}{{ template "t0" }}`
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			tmpl, err := message.Parse(text)
			if err == nil {
				_, err = tmpl.Render(sample())
			}
			if !errors.Is(err, message.ErrLimit) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestTooLongTextIsRefused(t *testing.T) {
	if _, err := message.Parse(strings.Repeat("x", message.MaxText+1)); !errors.Is(err, message.ErrTooLong) {
		t.Fatalf("got %v", err)
	}
}

func TestRenderIsStableAndDoesNotChangeItsData(t *testing.T) {
	tmpl, err := message.Parse("{{ .Changed }} {{ .Updated }} {{ .Values }}")
	if err != nil {
		t.Fatal(err)
	}
	data := sample()
	first, err := tmpl.Render(data)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if again, err := tmpl.Render(sample()); err != nil || again != first {
			t.Fatalf("got %v\n%s\n%s", err, again, first)
		}
	}
}

func TestRendersAtTheSameTimeDoNotShareTheirBudgets(t *testing.T) {
	tmpl, err := message.Parse(`{{ range until 9000 }}{{ $x := upper "a" }}{{ end }}done`)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 12 { // together they take more steps than one may
		group.Go(func() {
			if got, err := tmpl.Render(sample()); err != nil || got != "done" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	group.Wait()
}

func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		"{{ .AutomationObject }}", `{{ range .Changed.Changes }}{{ .NewValue | upper }}{{ end }}`,
		`{{ define "x" }}{{ end }}{{ template "x" }}`, `{{ printf "%5.2f" 1.5 }}`, "{{ range 3 }}{{ break }}{{ end }}",
		`{{ $d := dict "a" (list 1 2) }}{{ $d | toJson | fromJson }}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := message.Parse(text)
		if err != nil {
			return
		}
		got, err := tmpl.Render(sample())
		if err == nil && (len(got) > 3*message.MaxOutput || strings.ContainsRune(got, 0) || got == "") {
			t.Fatalf("%d bytes", len(got))
		}
	})
}
