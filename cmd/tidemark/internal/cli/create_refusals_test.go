// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"slices"
	"strings"
	"testing"
)

func TestCreateRefusesBeforeAnythingIsSent(t *testing.T) {
	repository := []string{"image", "repository", "app"}
	policy := []string{"image", "policy", "app", "--image-ref", "app"}
	update := []string{"image", "update", "app"}
	full := slices.Concat(update, []string{"--git-repo-ref", "x", "--author-email", "x@example.com"})
	git := []string{"source", "git", "app"}
	receiver := []string{"receiver", "app"}
	nobody := unused(t) // whoever calls is told that nobody answers
	for name, test := range map[string]struct {
		noun []string
		args []string
		want string
	}{
		"no name":                  {[]string{"image", "repository"}, nil, "ImageRepository name is required"},
		"two names":                {repository, []string{"other"}, "one ImageRepository at a time: 2 names are given"},
		"a name of no sense":       {[]string{"image", "repository", "App_1"}, nil, "name 'App_1' is invalid, it should adhere to standard defined in RFC 1123, the name can only contain lower-case alphanumeric characters, '-' and '.'"},
		"a namespace of none":      {repository, []string{"-n", "a/b"}, "namespace 'a/b' is invalid, it can only contain lower-case alphanumeric characters and '-'"},
		"label without value":      {repository, []string{"--label", "team"}, "invalid label format 'team', must be key=value"},
		"label key":                {repository, []string{"--label", "=x"}, "invalid label key ''"},
		"label value":              {repository, []string{"--label", "a=b c"}, "invalid label value 'b c' of 'a'"},
		"no image":                 {repository, nil, "an image repository (--image) is required"},
		"image with scheme":        {repository, []string{"--image", "https://ghcr.io/x/y"}, "--image: image 'https://ghcr.io/x/y' should not include URL scheme; remove 'https://'; write --image ghcr.io/x/y"},
		"image with tag":           {repository, []string{"--image", "localhost:5000/x:1.0"}, "--image: image 'localhost:5000/x:1.0' should not include a tag; remove ':1.0'; write --image localhost:5000/x"},
		"image with digest":        {repository, []string{"--image", "ghcr.io/x@sha256:ab"}, "--image: image 'ghcr.io/x@sha256:ab' should not include a digest; remove '@sha256:ab'; write --image ghcr.io/x"},
		"negative interval":        {repository, []string{"--image", "x", "--interval=-1m"}, "--interval must not be negative: -1m0s"},
		"a secret's path":          {repository, []string{"--image", "x", "--secret-ref", "../x"}, "--secret-ref '../x' is no name: lower-case letters, digits, '-' and '.' only"},
		"no image repository":      {[]string{"image", "policy", "app"}, nil, "the name of an ImageRepository in the namespace is required (--image-ref)"},
		"no selector":              {policy, nil, "a policy must be provided with either --select-semver, --select-alpha, --select-numeric or --select-latest"},
		"two selectors":            {policy, []string{"--select-semver", "1.x", "--select-alpha", "asc"}, "only one of --select-semver, --select-alpha, --select-numeric or --select-latest can be specified"},
		"range":                    {policy, []string{"--select-semver", "1.x <"}, `--select-semver '1.x <' is no range of versions: improper constraint: "1.x <"`},
		"order":                    {policy, []string{"--select-alpha", "up"}, `--select-alpha must be one of ["asc", "desc"], not "up"`},
		"numeric order":            {policy, []string{"--select-numeric", "down"}, `--select-numeric must be one of ["asc", "desc"], not "down"`},
		"regular expression":       {policy, []string{"--select-latest", "--filter-regex", "("}, "--filter-regex is an invalid regex pattern: missing closing ) at character 1, '('"},
		"extract alone":            {policy, []string{"--select-latest", "--filter-extract", "$1"}, "cannot specify --filter-extract without specifying --filter-regex"},
		"group of no name":         {policy, []string{"--select-latest", "--filter-regex", "(?P<ts>.*)-(.*)", "--filter-extract", "$tss"}, "capture group $tss used in --filter-extract not found in --filter-regex, which has $0, $ts, $2"},
		"group of no number":       {policy, []string{"--select-latest", "--filter-regex", "(.*)", "--filter-extract", "${2}"}, "capture group $2 used in --filter-extract not found in --filter-regex, which has $0, $1"},
		"digest policy":            {policy, []string{"--select-latest", "--reflect-digest", "Sometimes"}, `--reflect-digest must be one of ["Never", "IfNotPresent", "Always"], not "Sometimes"`},
		"Always, no interval":      {policy, []string{"--select-latest", "--reflect-digest", "Always"}, "--interval of at least 1s is required with --reflect-digest Always"},
		"interval, not Always":     {policy, []string{"--select-latest", "--interval", "1m"}, "--interval can only be used with --reflect-digest Always"},
		"no Git repository":        {update, nil, "a reference to a GitRepository is required (--git-repo-ref)"},
		"no URL":                   {git, nil, "url is required (--url)"},
		"URL's scheme":             {git, []string{"--url", "ftp://x/y"}, "git URL scheme 'ftp' not supported, can be: ssh, http and https"},
		"credentials":              {git, []string{"--url", "https://me:secret@x/y"}, "--url must not hold credentials; put them into a secret and name it with --secret-ref"},
		"no host":                  {git, []string{"--url", "https:///y"}, "--url 'https:///y' names no host"},
		"tag range":                {git, []string{"--url", "https://x/y", "--tag-semver", "one"}, `--tag-semver 'one' is no range of versions: improper constraint: "one"`},
		"scheme, tag and digest":   {repository, []string{"--image", "oci://ghcr.io/x/y:1@sha256:ab"}, "--image: image 'oci://ghcr.io/x/y:1@sha256:ab' should not include URL scheme; remove 'oci://'; write --image ghcr.io/x/y"},
		"an image of capitals":     {repository, []string{"--image", "ghcr.io/X/Y"}, "unable to parse image value: repository can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`: X/Y"},
		"interval without unit":    {repository, []string{"--image", "x", "--interval", "5"}, "invalid argument \"5\" for \"--interval\" flag: a duration is numbers with units, such as 30s, 5m or 1h30m; write 5s or 5m"},
		"interval of days":         {repository, []string{"--image", "x", "--interval", "2d"}, "invalid argument \"2d\" for \"--interval\" flag: a duration is numbers with units, such as 30s, 5m or 1h30m; write 48h"},
		"interval of capitals":     {repository, []string{"--image", "x", "--interval", "5M"}, "invalid argument \"5M\" for \"--interval\" flag: a duration is numbers with units, such as 30s, 5m or 1h30m; write 5m"},
		"interval of words":        {repository, []string{"--image", "x", "--interval", "often"}, "invalid argument \"often\" for \"--interval\" flag: a duration is numbers with units, such as 30s, 5m or 1h30m"},
		"interval of years":        {repository, []string{"--image", "x", "--interval", "9000h"}, "--interval must not be longer than a year, 8760h0m0s: 9000h0m0s"},
		"timeout of nothing":       {repository, []string{"--image", "x", "--scan-timeout", "1us"}, "--scan-timeout must be between 1ms and 24h0m0s: 1µs"},
		"provider":                 {repository, []string{"--image", "x", "--provider", "AWS"}, `--provider must be one of ["generic", "aws", "azure", "gcp"], not "AWS"; did you mean aws?`},
		"certificates' path":       {repository, []string{"--image", "x", "--cert-ref", "a/b"}, "--cert-ref 'a/b' is no name: lower-case letters, digits, '-' and '.' only"},
		"a long name":              {[]string{"image", "repository", strings.Repeat("a", 254)}, nil, "name '" + strings.Repeat("a", 254) + "' is invalid, it should adhere to standard defined in RFC 1123, the name can only contain lower-case alphanumeric characters, '-' and '.'"},
		"a name with a dash last":  {[]string{"image", "repository", "app-"}, nil, "name 'app-' is invalid, it should adhere to standard defined in RFC 1123, the name can only contain lower-case alphanumeric characters, '-' and '.'"},
		"a flag misspelt":          {repository, []string{"--imgae", "x"}, "unknown flag: --imgae; did you mean --image?"},
		"a flag cut short":         {policy, []string{"--select-sem", "1.x"}, "unknown flag: --select-sem; did you mean --select-semver?"},
		"a flag of nothing":        {repository, []string{"--colour"}, "unknown flag: --colour; see `tidemark create image repository --help`"},
		"a noun misspelt":          {[]string{"image", "polcy", "app"}, nil, "unknown command \"polcy\" for \"tidemark create image\"; did you mean policy?"},
		"a noun of nothing":        {[]string{"image", "chart", "app"}, nil, "unknown command \"chart\" for \"tidemark create image\"; there is policy, repository, update"},
		"Flux's three selectors":   {policy, []string{"--select-semver", "1.x", "--select-alpha", "asc", "--select-numeric", "asc"}, "only one of --select-semver, --select-alpha, --select-numeric or --select-latest can be specified"},
		"latest and another":       {policy, []string{"--select-latest", "--select-numeric", "asc"}, "only one of --select-semver, --select-alpha, --select-numeric or --select-latest can be specified"},
		"an order in capitals":     {policy, []string{"--select-alpha", "DESC"}, `--select-alpha must be one of ["asc", "desc"], not "DESC"; did you mean desc?`},
		"an order written out":     {policy, []string{"--select-numeric", "ascending"}, `--select-numeric must be one of ["asc", "desc"], not "ascending"; did you mean asc?`},
		"latest by what":           {policy, []string{"--select-latest=first-seen"}, `--select-latest must be one of ["pushed", "firstSeen", "created"], not "first-seen"; did you mean firstSeen?`},
		"a parenthesis inside":     {policy, []string{"--select-latest", "--filter-regex", `^v(\d+-(\d+)$`}, `--filter-regex is an invalid regex pattern: missing closing ) at character 3, '(\d+-(\d+)$'`},
		"a dollar alone":           {policy, []string{"--select-latest", "--filter-regex", "(.*)", "--filter-extract", "$"}, "--filter-extract is malformed: a '$' is followed by a group's name or number, ${name}, or another '$'"},
		"a brace left open":        {policy, []string{"--select-latest", "--filter-regex", "(.*)", "--filter-extract", "${1"}, "--filter-extract is malformed: a '$' is followed by a group's name or number, ${name}, or another '$'"},
		"a group misspelt":         {policy, []string{"--select-latest", "--filter-regex", "(?P<time>.*)", "--filter-extract", "$tmie"}, "capture group $tmie used in --filter-extract not found in --filter-regex, which has $0, $time; did you mean $time?"},
		"a digest policy near":     {policy, []string{"--select-latest", "--reflect-digest", "always"}, `--reflect-digest must be one of ["Never", "IfNotPresent", "Always"], not "always"; did you mean Always?`},
		"Never with an interval":   {policy, []string{"--select-latest", "--reflect-digest", "Never", "--interval", "1m"}, "--interval can only be used with --reflect-digest Always"},
		"an image reference":       {[]string{"image", "policy", "app", "--image-ref", "ghcr.io/x/y", "--select-latest"}, nil, "--image-ref 'ghcr.io/x/y' is no name: NAME or NAMESPACE/NAME, lower-case letters, digits and '-'"},
		"a platform of one word":   {policy, []string{"--select-latest", "--platform", "arm64"}, "--platform 'arm64' is no platform: OS/ARCHITECTURE, for example linux/arm64"},
		"an image's label":         {policy, []string{"--select-latest", "--image-label", "team"}, "--image-label 'team' must be key=value"},
		"no address":               {update, []string{"--git-repo-ref", "x"}, "the author email is required (--author-email)"},
		"an address in brackets":   {update, []string{"--git-repo-ref", "x", "--author-email", "<me@example.com>"}, "--author-name and --author-email must not have '<', '>' or line breaks: git writes `name <email>` itself"},
		"a template left open":     {full, []string{"--commit-template", "a\n{{.Values"}, "--commit-template is no template: 2: unclosed action"},
		"a key's type alone":       {full, []string{"--signing-key-type", "ssh"}, "--signing-key-type needs --signing-key-secret, the secret with the key"},
		"a key's type":             {full, []string{"--signing-key-secret", "x", "--signing-key-type", "GPG"}, `--signing-key-type must be one of ["gpg", "ssh"], not "GPG"; did you mean gpg?`},
		"a forcing refspec":        {full, []string{"--push-refspec", "+a:refs/heads/b"}, "--push-refspec '+a:refs/heads/b' forces, which would lose others' commits; remove the '+'"},
		"half a refspec":           {full, []string{"--push-refspec", "refs/heads/main"}, "--push-refspec 'refs/heads/main' must be SOURCE:DESTINATION, for example refs/heads/main:refs/for/main"},
		"a refspec of many":        {full, []string{"--push-refspec", "refs/heads/*:refs/heads/*"}, "--push-refspec 'refs/heads/*:refs/heads/*' must name one reference, without '*'"},
		"a short destination":      {full, []string{"--push-refspec", "HEAD:release"}, "--push-refspec: the destination 'release' must be a full reference name; write HEAD:refs/heads/release"},
		"a push option":            {full, []string{"--push-option", "ci.skip"}, "--push-option 'ci.skip' must be key=value"},
		"a path that leads out":    {full, []string{"--git-repo-path", "apps/../../x"}, "--git-repo-path 'apps/../../x' leads out of the repository"},
		"a policy's label":         {full, []string{"--policy-selector", "team"}, "--policy-selector: invalid label format 'team', must be key=value"},
		"a branch's long name":     {full, []string{"--checkout-branch", "refs/heads/main"}, "--checkout-branch 'refs/heads/main' must be a branch's short name; write main"},
		"a branch of two words":    {full, []string{"--push-branch", "image updates"}, "--push-branch 'image updates' is no branch's name"},
		"a source's branch":        {git, []string{"--url", "https://x/y", "--branch", "-x"}, "--branch '-x' is no branch's name"},
		"half a commit":            {git, []string{"--url", "https://x/y", "--commit", "1f3a9c2"}, "--commit '1f3a9c2' must be a commit's full id, of 40 or 64 hexadecimal digits"},
		"a reference's short name": {git, []string{"--url", "https://x/y", "--ref-name", "main"}, "--ref-name 'main' must be a full reference name; for a branch write refs/heads/main"},
		"an address as of ssh":     {git, []string{"--url", "git@github.com:x/y.git"}, "--url 'git@github.com:x/y.git' is no URL; write ssh://git@github.com/x/y.git"},
		"an address of no scheme":  {git, []string{"--url", "github.com/x/y"}, "--url 'github.com/x/y' is no URL; write https://github.com/x/y"},
		"Azure's identity":         {git, []string{"--url", "https://x/y", "--provider", "azure"}, "--provider azure: there is no workload identity here; put a token into the secret of --secret-ref"},
		"a password":               {git, []string{"--url", "https://x/y", "-p", "secret"}, "invalid argument \"secret\" for \"-p, --password\" flag: no credentials go through the API; put them into a secret and name it with --secret-ref; see `tidemark create source git --help`"},
		"submodules":               {git, []string{"--url", "https://x/y", "--recurse-submodules"}, "invalid argument \"true\" for \"--recurse-submodules\" flag: submodules are repositories of their own, and are not written to; see `tidemark create source git --help`"},
		"no type":                  {receiver, nil, "Receiver type is required (--type)"},
		"a type misspelt":          {receiver, []string{"--type", "gihub"}, `--type must be one of ["acr", "bitbucket", "cdevents", "distribution", "dockerhub", "gcr", "generic", "generic-hmac", "generic-oidc", "ghcr", "github", "gitlab", "harbor", "nexus", "quay"], not "gihub"; did you mean github?`},
		"no secret":                {receiver, []string{"--type", "quay"}, "secret ref is required (--secret-ref)"},
		"no resource":              {receiver, []string{"--type", "quay", "--secret-ref", "x"}, "at least one resource is required (--resource)"},
		"a resource of one word":   {receiver, []string{"--type", "quay", "--secret-ref", "x", "--resource", "app"}, "invalid resource 'app', must be in format <kind>/<name>, for example ImageRepository/app"},
		"a resource misspelt":      {receiver, []string{"--type", "quay", "--secret-ref", "x", "--resource", "imagerepository/app"}, "invalid resource 'imagerepository/app'; did you mean ImageRepository/app?"},
	} {
		t.Run(name, func(t *testing.T) {
			args := slices.Concat([]string{"create"}, test.noun, test.args)
			tidemark(t, nobody, args...).wants(t, terminal{err: "✗ " + test.want + "\n", code: 1})
		})
	}
}
