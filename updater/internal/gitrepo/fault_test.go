// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

// waitFor waits until a file is there.
func waitFor(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for tick := time.NewTicker(2 * time.Millisecond); ; {
		if _, err := os.Stat(path); err == nil {
			tick.Stop()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s never came", path)
		case <-tick.C:
		}
	}
}

// The server dies while it works on a push, before or after it has moved the branch, and comes back.
func TestAServerKilledInTheMiddleOfAPush(t *testing.T) {
	for hook, arrived := range map[string]bool{"pre-receive": false, "reference-transaction": true} {
		for _, overSSH := range []bool{false, true} {
			t.Run(hook+map[bool]string{true: " over SSH"}[overSSH], func(t *testing.T) {
				dir := t.TempDir()
				server, err := gitserver.Start(t.Context(), gitserver.Config{Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				if err := server.CreateRepository(app, "main", map[string]string{"a": "1"}); err != nil {
					t.Fatal(err)
				}
				remote := Remote{URL: server.RepositoryURL(app)}
				kill := server.Kill
				if overSSH {
					private, authorized := sshKey(t, ed25519Key(), "")
					front := startSSH(t, server, authorized)
					remote = Remote{URL: front.URL(app), Auth: Auth{PrivateKey: private, KnownHosts: front.KnownHosts, Identity: "bot"}}
					kill = front.Close
				}
				r := open(t, t.TempDir(), remote)
				tip := fetch(t, r, Ref{})
				made := commit(t, r, tip.Hash, "a", "2")
				reached := filepath.Join(t.TempDir(), "reached")
				setHook(t, server, hook, `if [ "${1:-committed}" = committed ]; then touch `+reached+`; sleep 600; fi`)
				pushed := make(chan error, 1)
				go func() {
					_, err := r.Push(context.WithoutCancel(t.Context()), mainFrom(tip.Hash, made.Hash), PushOptions{})
					pushed <- err
				}()
				waitFor(t, reached)
				if err := kill(); err != nil {
					t.Fatal(err)
				}
				wantKind(t, <-pushed, ErrOutcomeUnknown)
				if err := server.Close(); err != nil {
					t.Fatal(err)
				}
				_, err = r.RemoteHas(t.Context(), Ref{Branch: "main"}, made.Hash)
				wantKind(t, err, ErrUnreachable)

				server, err = gitserver.Start(t.Context(), gitserver.Config{Dir: dir, Listen: strings.TrimPrefix(server.URL(), "http://")})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = server.Close() })
				setHook(t, server, hook, "")
				if overSSH {
					r = open(t, t.TempDir(), Remote{URL: server.RepositoryURL(app)})
				}
				has, err := r.RemoteHas(t.Context(), Ref{Branch: "main"}, made.Hash)
				if err != nil || has != arrived {
					t.Fatalf("%v: the remote has it: %v", err, has)
				}
				if !arrived {
					tip = fetch(t, r, Ref{})
					push(t, r, tip.Hash, commit(t, r, tip.Hash, "a", "2").Hash)
				}
				if log, err := server.Log(app, "main"); err != nil || len(log) != 2 {
					t.Fatalf("%v: %d commits", err, len(log))
				}
				fsck(t, server)
			})
		}
	}
}

func TestBasicAuthenticationOverTLS(t *testing.T) {
	cert, key := certificate(t, "server")
	var seen sync.Map
	server := startServer(t, gitserver.Config{
		Username: "bot", Password: "s3cret", Token: "t0ken",
		TLS: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{must(tls.X509KeyPair(cert, key))}},
		Wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen.Store(r.RemoteAddr, true)
				next.ServeHTTP(w, r)
			})
		},
	}, map[string]string{"a": "1"})
	for name, c := range map[string]struct {
		auth Auth
		kind error
	}{
		"password":       {Auth{Username: "bot", Password: "s3cret"}, nil},
		"token":          {Auth{BearerToken: "t0ken"}, nil},
		"wrong password": {Auth{Username: "bot", Password: "t0ken"}, ErrAuthentication},
		"nothing":        {Auth{}, ErrAuthentication},
	} {
		t.Run(name, func(t *testing.T) {
			seen.Clear()
			r := open(t, t.TempDir(), Remote{URL: server.RepositoryURL(app), CA: cert, Auth: c.auth})
			tip, err := r.Fetch(t.Context(), Ref{})
			if c.kind != nil {
				wantKind(t, err, c.kind)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			push(t, r, tip.Hash, commit(t, r, tip.Hash, "a", name).Hash)
			fetch(t, r, Ref{})
			connections := 0
			seen.Range(func(any, any) bool { connections++; return true })
			if connections != 1 {
				t.Errorf("%d connections for one repository", connections)
			}
		})
	}
}
