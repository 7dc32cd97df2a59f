// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestGetShowsTablesAsFluxDoes(t *testing.T) {
	address := populated().serve(t)
	for file, args := range map[string][]string{
		"repository.txt":       {"get", "image", "repository"},
		"repository-all.txt":   {"get", "images", "repositories", "-A"},
		"repository-wide.txt":  {"get", "image", "repository", "-A", "-o", "wide"},
		"repository-named.txt": {"get", "image", "repository", "new", "app", "--no-header"},
		"repository-label.txt": {"get", "image", "repository", "-l", "team=web"},
		"repository.json":      {"get", "image", "repository", "app", "-o", "json"},
		"repository.yaml":      {"get", "image", "repository", "app", "broken", "-o", "yaml"},
		"repository-name.txt":  {"get", "image", "repository", "-o", "name"},
		"not-ready.txt":        {"get", "image", "repository", "--status-selector", "ready=false"},
		"unknown.txt":          {"get", "image", "repository", "--status-selector", "Ready=unknown,stalled=Unknown"},
		"policy.txt":           {"get", "image", "policy"},
		"policy-wide.txt":      {"get", "image", "policies", "-o", "wide"},
		"policies.json":        {"get", "image", "policy", "-o", "json"},
		"update.txt":           {"get", "image", "update"},
		"update-wide.txt":      {"get", "image", "update", "-o", "wide"},
		"git.txt":              {"get", "source", "git"},
		"git-wide.txt":         {"get", "sources", "git", "-o", "wide"},
		"receiver.txt":         {"get", "receivers"},
		"receiver-wide.txt":    {"get", "receiver", "registry", "-o", "wide"},
		"all.txt":              {"get", "image", "all"},
		"all-namespaces.txt":   {"get", "images", "all", "-A"},
		"tenants.txt":          {"get", "image", "all", "-n", "tenants"},
	} {
		t.Run(file, func(t *testing.T) {
			got := tidemark(t, address, args...)
			if got.code != 0 || got.err != "" {
				t.Fatalf("exit code %d, standard error %q", got.code, got.err)
			}
			golden(t, "get/"+file, got.out)
		})
	}
}

func TestGetSaysWhatIsNotThere(t *testing.T) {
	address := populated().serve(t)
	const header = "NAME\tLAST SCAN           \tSUSPENDED\tREADY\tMESSAGE\n"
	const app = "app \t2026-08-01T12:00:00Z\tFalse    \tTrue \tsuccessful scan: found 2 tags with checksum sha256:1f3a\n"
	for name, test := range map[string]struct {
		args []string
		want terminal
	}{
		"nothing in the namespace": {
			[]string{"get", "image", "repository", "-n", "empty"},
			terminal{err: "✗ no ImageRepository objects found in \"empty\" namespace\n", code: 1},
		},
		"nothing anywhere": {
			[]string{"get", "source", "git", "-A", "-l", "team=none"},
			terminal{err: "✗ no GitRepository objects found in any namespace\n", code: 1},
		},
		"nothing of any kind": {
			[]string{"get", "image", "all", "-n", "empty"},
			terminal{err: "✗ no ImageRepository, ImagePolicy, ImageUpdateAutomation objects found in \"empty\" namespace\n", code: 1},
		},
		"one name of two": {
			[]string{"get", "image", "repository", "absent", "app"},
			terminal{
				out:  header + app,
				err:  "✗ ImageRepository object 'absent' not found in \"flux-system\" namespace\n",
				code: 1,
			},
		},
		"a name in all namespaces": {
			[]string{"get", "image", "policy", "absent", "-A"},
			terminal{err: "✗ ImagePolicy object 'absent' not found in any namespace\n", code: 1},
		},
	} {
		t.Run(name, func(t *testing.T) { tidemark(t, address, test.args...).wants(t, test.want) })
	}
}

func TestGetSaysThatReceiversAreNotWatched(t *testing.T) {
	tidemark(t, populated().serve(t), "get", "receivers", "--watch").wants(t, terminal{
		err: "✗ Receiver objects: changes of this kind are not told: ask without --watch\n", code: 1,
	})
}

func TestGetRefusesFlagsThatMakeNoSense(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"output":                {[]string{"get", "image", "all", "-o", "xml"}, "✗ -o xml: the output is wide, json, yaml or name\n"},
		"watch of YAML":         {[]string{"get", "image", "all", "-w", "-o", "yaml"}, "✗ --watch shows rows: use it without -o yaml\n"},
		"status without equals": {[]string{"get", "image", "all", "--status-selector", "ready"}, "✗ --status-selector must be in type=status format, for example ready=false, but found: ready\n"},
		"status of no sense":    {[]string{"get", "image", "all", "--status-selector", "ready=maybe"}, "✗ --status-selector: the status is true, false or unknown, but found: maybe\n"},
		"empty namespace":       {[]string{"get", "image", "all", "-n", ""}, "✗ --namespace is empty; for all namespaces use -A\n"},
		"unknown noun":          {[]string{"get", "image", "policie"}, "✗ unknown command \"policie\" for \"tidemark get image\"; did you mean policies?\n"},
		"unknown verb":          {[]string{"git"}, "✗ unknown command \"git\" for \"tidemark\"; did you mean get?\n"},
		"unknown flag":          {[]string{"get", "image", "all", "--all"}, "✗ unknown flag: --all; did you mean --all-namespaces?\n"},
	} {
		t.Run(name, func(t *testing.T) { tidemark(t, "", test.args...).wants(t, terminal{err: test.want, code: 1}) })
	}
}

func TestWatchShowsRowsAsTheyChange(t *testing.T) {
	s := populated()
	delete(s.repositories.objects, "flux-system/broken")
	delete(s.repositories.objects, "tenants/resting")
	address := s.serve(t)
	w := start(t, "get", "image", "repository", "--watch", "--server", address)
	text := "NAME\tLAST SCAN           \tSUSPENDED\tREADY  \tMESSAGE\n" +
		"app \t2026-08-01T12:00:00Z\tFalse    \tTrue   \tsuccessful scan: found 2 tags with checksum sha256:1f3a\n" +
		"new \t                    \tFalse    \tUnknown\twaiting to be reconciled\n"
	w.shows(t, text)

	scanned := proto.CloneOf(s.repositories.objects["flux-system/new"])
	s.repositories.changes <- scanned // nothing of the row changed: not shown
	scanned = proto.CloneOf(scanned)
	scanned.Status = proto.CloneOf(s.repositories.objects["flux-system/app"].GetStatus())
	scanned.Status.Conditions = isReady("successful scan: found 1 tags")
	s.repositories.changes <- scanned
	text += "new \t2026-08-01T12:00:00Z\tFalse    \tTrue   \tsuccessful scan: found 1 tags\n"
	w.shows(t, text)

	// The watch goes on after its token, and shows nothing twice.
	s.repositories.changes <- rpcerr.New(codes.ResourceExhausted, metav1.ErrorReason_ERROR_REASON_SLOW_CONSUMER, "watcher is too slow")
	s.repositories.changes <- &metav1.ObjectDeleted{Namespace: "flux-system", Name: "app"}
	text += "◎ watcher is too slow; trying again\n"
	text += "app \t                    \t         \t       \tdeleted\n"
	w.shows(t, text)

	// A snapshot after a token that expired shows what differs: here the object is still on the server.
	s.repositories.changes <- rpcerr.New(codes.OutOfRange, metav1.ErrorReason_ERROR_REASON_RESUME_TOKEN_EXPIRED, "resume token is expired")
	text += "app \t2026-08-01T12:00:00Z\tFalse    \tTrue   \tsuccessful scan: found 2 tags with checksum sha256:1f3a\n" +
		"new \t                    \tFalse    \tUnknown\twaiting to be reconciled\n"
	w.shows(t, text)
	if code := w.stop(); code != 0 {
		t.Errorf("exit code %d after Ctrl-C, want 0", code)
	}
}

func TestWatchOfAllShowsTheTablesInOrder(t *testing.T) {
	s := populated()
	address := s.serve(t)
	w := start(t, "get", "image", "all", "--watch", "-A", "--server", address)
	text := tidemark(t, address, "get", "image", "all", "-A").out
	w.shows(t, text)
	s.policies.changes <- &metav1.ObjectDeleted{Namespace: "flux-system", Name: "waiting"}
	w.shows(t, text+"flux-system\timagepolicy/waiting\t             \t     \t     \tdeleted\n")
	if code := w.stop(); code != 0 {
		t.Errorf("exit code %d after Ctrl-C, want 0", code)
	}
}

func TestWatchOfNothingFails(t *testing.T) {
	address := unused(t)
	tidemark(t, address, "get", "image", "policy", "-w").wants(t, terminal{
		err:  "✗ no server answers on " + address + "; start one with `tidemark up`, or name it with --server\n",
		code: 1,
	})
}
