// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/telemetry"
)

// maxMessage is the size of the largest message taken or sent, in bytes; the servers' limit.
const maxMessage = 32 << 20

// serviceConfig spreads calls over all addresses of a name, and tries a call again that found no server, or one that
// is stopping or has lost its store: after 0.1, 0.2 and 0.4 s, with jitter. Other UNAVAILABLE is marked by the server
// (see rpcerr) as not to be tried again.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"methodConfig": [{
		"name": [{}],
		"retryPolicy": {
			"maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE"]
		}
	}]
}`

// Options say how to connect. The zero value speaks plaintext to loopback, and TLS with the system's roots beyond.
type Options struct {
	// Dialer, if set, is used in place of TCP, and TLS is not spoken: see server.Server.Dialer.
	Dialer func(ctx context.Context, address string) (net.Conn, error)
	// Telemetry, if set, makes spans and metrics of the calls, and passes the trace on.
	Telemetry *telemetry.Telemetry
	// TLS is spoken beyond loopback, and to loopback too where any of it is set.
	TLS TLS
	// Insecure speaks plaintext whatever the target.
	Insecure bool
}

// TLS is a client's side of it: PEM files.
type TLS struct {
	// CAFile holds the certificates that sign servers'; empty means the system's.
	CAFile string
	// CertFile and KeyFile identify the client: both or neither.
	CertFile, KeyFile string
	// ServerName is the name in the server's certificate; empty means the target's host.
	ServerName string
}

// Dial makes a connection to "host:port", or any target of gRPC's. It does not wait for the server to be there: calls
// fail with UNAVAILABLE until it is. Errors are wrong options. The caller closes the connection.
func Dial(ctx context.Context, target string, opts Options) (*grpc.ClientConn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dial %s: %w", target, err)
	}
	if opts.Dialer != nil {
		target = "passthrough:///" + target
	}
	creds, err := credentialsFor(target, opts)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", target, err)
	}
	conn, err := grpc.NewClient(target, append(opts.grpc(), grpc.WithTransportCredentials(creds))...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", target, err)
	}
	return conn, nil
}

func (o Options) grpc() []grpc.DialOption {
	opts := []grpc.DialOption{
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithChainUnaryInterceptor(rpcerr.UnaryClientInterceptor()),
		grpc.WithChainStreamInterceptor(rpcerr.StreamClientInterceptor()),
		// A server that was restarted is found again within 3 s.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
	}
	if o.Dialer != nil {
		opts = append(opts, grpc.WithContextDialer(o.Dialer))
	}
	if o.Telemetry != nil {
		opts = append(opts, grpc.WithStatsHandler(o.Telemetry.ClientHandler()))
	}
	return opts
}

func credentialsFor(target string, opts Options) (credentials.TransportCredentials, error) {
	if opts.Insecure || opts.Dialer != nil || (opts.TLS == TLS{} && isLocal(target)) {
		return insecure.NewCredentials(), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: opts.TLS.ServerName}
	if opts.TLS.CAFile != "" {
		pem, err := os.ReadFile(opts.TLS.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the CA certificates: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no PEM certificate in it", opts.TLS.CAFile)
		}
	}
	if opts.TLS.CertFile == "" && opts.TLS.KeyFile == "" {
		return credentials.NewTLS(config), nil
	}
	if opts.TLS.CertFile == "" || opts.TLS.KeyFile == "" {
		return nil, errors.New("a client certificate and its key go together")
	}
	cert, err := tls.LoadX509KeyPair(opts.TLS.CertFile, opts.TLS.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the client certificate: %w", err)
	}
	config.Certificates = []tls.Certificate{cert}
	return credentials.NewTLS(config), nil
}

// isLocal: nothing on the way can listen. "localhost" is taken at its word.
func isLocal(target string) bool {
	if strings.HasPrefix(target, "unix:") {
		return true
	}
	if i := strings.LastIndexByte(target, '/'); i >= 0 {
		target = target[i+1:] // dns:///host:port
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = target
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || (err == nil && ip.IsLoopback())
}
