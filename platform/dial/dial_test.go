// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dial_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/dial"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

type resolutions struct {
	resolverv1.UnimplementedResolutionServiceServer
	calls  atomic.Int32
	answer func(call int32) error
}

func (r *resolutions) BatchResolve(context.Context, *resolverv1.BatchResolveRequest) (*resolverv1.BatchResolveResponse, error) {
	return &resolverv1.BatchResolveResponse{}, r.answer(r.calls.Add(1))
}

func call(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := resolverv1.NewResolutionServiceClient(conn).BatchResolve(ctx, &resolverv1.BatchResolveRequest{
		Requests: []*resolverv1.ResolveRequest{{}},
	})
	return err
}

func TestOnlyWhatMayWorkInAMomentIsTriedAgain(t *testing.T) {
	upstream := rpcerr.New(codes.Unavailable, metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED, "registry does not answer")
	for name, c := range map[string]struct {
		answer func(call int32) error
		calls  int32
		code   codes.Code
	}{
		"a store that comes back": {func(call int32) error {
			if call < 3 {
				return rpcerr.ErrStoreUnavailable
			}
			return nil
		}, 3, codes.OK},
		"a registry that is away": {func(int32) error { return upstream }, 1, codes.Unavailable},
		"what is not there":       {func(int32) error { return rpcerr.ErrNotFound }, 1, codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			service := &resolutions{answer: c.answer}
			conn := grpctest.Serve(t, func(r grpc.ServiceRegistrar) { resolverv1.RegisterResolutionServiceServer(r, service) })
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := call(ctx, conn); status.Code(err) != c.code || service.calls.Load() != c.calls {
				t.Errorf("after %d calls: %v", service.calls.Load(), err)
			}
		})
	}
}

func TestNobodyListeningIsSaidInPlainWords(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := dial.Dial(context.Background(), l.Addr().String(), dial.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = call(ctx, conn)
	want := "dial tcp " + l.Addr().String() + ": connect: connection refused"
	if err == nil || err.Error() != want || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE {
		t.Errorf("got %v, %v", err, rpcerr.Reason(err))
	}
}

func TestBeyondLoopbackTLSIsSpoken(t *testing.T) {
	const tlsHandshake, http2Preface = 0x16, 'P'
	for name, c := range map[string]struct {
		target string
		opts   dial.Options
		want   byte
	}{
		"loopback, plain":             {"127.0.0.1:9001", dial.Options{}, http2Preface},
		"loopback by name, plain":     {"passthrough:///localhost:9001", dial.Options{}, http2Preface},
		"loopback, TLS by options":    {"127.0.0.1:9001", dial.Options{TLS: dial.TLS{ServerName: "x"}}, tlsHandshake},
		"beyond, TLS":                 {"passthrough:///scanner.example:9001", dial.Options{}, tlsHandshake},
		"beyond, a name like a local": {"passthrough:///localhost.example:9001", dial.Options{}, tlsHandshake},
		"beyond, plain if asked for":  {"passthrough:///scanner.example:9001", dial.Options{Insecure: true}, http2Preface},
	} {
		t.Run(name, func(t *testing.T) {
			if got := firstByte(t, c.target, c.opts); got != c.want {
				t.Errorf("began with %#x", got)
			}
		})
	}
}

// firstByte is what a connection to target begins with; it goes to a listener of this test's, wherever it points.
func firstByte(t *testing.T, target string, opts dial.Options) byte {
	t.Helper()
	first := make(chan byte, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		b := make([]byte, 1)
		if _, err := conn.Read(b); err == nil {
			first <- b[0]
		}
	}()
	conn, err := dial.Redirected(target, l.Addr().String(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	conn.Connect()
	select {
	case b := <-first:
		return b
	case <-time.After(10 * time.Second):
		t.Fatal("no connection")
		return 0
	}
}

func TestWrongFilesAreAnErrorAtOnce(t *testing.T) {
	for name, opts := range map[string]dial.Options{
		"no CA file":           {TLS: dial.TLS{CAFile: "/nonexistent/ca.pem"}},
		"a key without a pair": {TLS: dial.TLS{KeyFile: "key.pem"}},
		"a file with no PEM":   {TLS: dial.TLS{CAFile: "dial_test.go"}},
	} {
		if _, err := dial.Dial(context.Background(), "127.0.0.1:1", opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
