// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

// unused is an address where nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}()
	return listener.Addr().String()
}

func TestNobodyThereIsSaidOnce(t *testing.T) {
	address := unused(t)
	tidemark(t, address, "get", "image", "all").wants(t, terminal{
		err:  "✗ no server answers on " + address + "; start one with `tidemark up`, or name it with --server\n",
		code: 1,
	})
}

func TestServicesCanBeProgramsOfTheirOwn(t *testing.T) {
	address := populated().serve(t)
	got := tidemark(t, unused(t), "get", "image", "repository", "app", "--no-header", "--scanner-server", address)
	if got.code != 0 || !strings.HasPrefix(got.out, "app\t") {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsThereIsShownWhereOneServiceIsAway(t *testing.T) {
	address, away := populated().serve(t), unused(t)
	got := tidemark(t, address, "get", "image", "all", "--no-header", "--resolver-server", away)
	if !strings.Contains(got.out, "imagerepository/app") || !strings.Contains(got.out, "imageupdateautomation/flux-system") {
		t.Errorf("standard output %q", got.out)
	}
	got.out = ""
	got.wants(t, terminal{
		err:  "✗ no server answers on " + away + "; start one with `tidemark up`, or name it with --resolver-server\n",
		code: 1,
	})
}

func TestServerThatDoesNotServeTheKind(t *testing.T) {
	server := grpc.NewServer()
	scannerv1.RegisterImageRepositoryServiceServer(server, newServices())
	address := serve(t, server)
	tidemark(t, address, "get", "image", "policy").wants(t, terminal{
		err: "✗ the server on " + address + " does not serve tidemark.resolver.v1.ImagePolicyService; " +
			"name the one that does with --server\n",
		code: 1,
	})
}

func TestServerThatNeverAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	address := listener.Addr().String()
	tidemark(t, address, "get", "image", "policy", "--timeout", "50ms").wants(t, terminal{
		err: "✗ no server answers on " + address + "; start one with `tidemark up`, or name it with --server " +
			"(not done within --timeout 50ms)\n",
		code: 1,
	})
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{}, {"get"}, {"get", "image"}, {"create", "image", "policy", "--help"}, {"apply", "-h"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			got := tidemark(t, "", args...)
			if got.code != 0 || got.err != "" || !strings.Contains(got.out, "Usage:") {
				t.Errorf("got %+v", got)
			}
		})
	}
	if got := tidemark(t, "", "version"); got.code != 0 || !strings.HasPrefix(got.out, "tidemark: ") {
		t.Errorf("version: got %+v", got)
	}
	if got := tidemark(t, "", "version", "-o", "json"); got.code != 0 || !strings.HasPrefix(got.out, "{\n  \"tidemark\": \"") {
		t.Errorf("version -o json: got %+v", got)
	}
	tidemark(t, "", "version", "-o", "xml").wants(t, terminal{err: "✗ -o xml: the output is yaml or json\n", code: 1})
}
