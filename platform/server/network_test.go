// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/platform/dial"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/server"
)

func TestBeyondLoopbackPlaintextIsRefused(t *testing.T) {
	tel := grpctest.Telemetry(t, nil)
	for name, c := range map[string]struct {
		cfg  server.Config
		want string // in the error; empty: none
	}{
		"loopback":                {server.Config{Listen: "127.0.0.1:0", HTTPListen: "localhost:0"}, ""},
		"everywhere":              {server.Config{Listen: "0.0.0.0:0"}, "--listen 0.0.0.0:0 is reachable from other machines: give --tls-cert-file and --tls-key-file, or say --insecure"},
		"everywhere, by no host":  {server.Config{Listen: ":0"}, "--insecure"},
		"HTTP everywhere":         {server.Config{Listen: "127.0.0.1:0", HTTPListen: ":0"}, "--http-listen"},
		"everywhere, insecure":    {server.Config{Listen: ":0", HTTPListen: ":0", Insecure: true}, ""},
		"half a certificate":      {server.Config{Listen: "127.0.0.1:0", TLS: server.TLS{CertFile: "x"}}, "--tls-key-file"},
		"a certificate not there": {server.Config{Listen: "127.0.0.1:0", TLS: server.TLS{CertFile: "x", KeyFile: "y"}}, "--tls-cert-file x"},
		"an address that is none": {server.Config{Listen: "nonsense"}, "--listen nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Telemetry = tel
			s, err := server.New(t.Context(), c.cfg)
			if err == nil {
				defer func() { _ = s.Close() }()
			}
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTLSOnTheNetworkAndPlaintextInMemory(t *testing.T) {
	cert, key := selfSigned(t)
	s := run(t, server.Config{
		Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", TLS: server.TLS{CertFile: cert, KeyFile: key, ClientCAFile: cert},
	})
	s.Health().Set("store", true)
	both := dial.TLS{CAFile: cert, CertFile: cert, KeyFile: key}
	for name, c := range map[string]struct {
		opts dial.Options
		ok   bool
	}{
		"with a client certificate":    {dial.Options{TLS: both}, true},
		"without a client certificate": {dial.Options{TLS: dial.TLS{CAFile: cert}}, false},
		"in plaintext":                 {dial.Options{Insecure: true}, false},
		"in memory":                    {dial.Options{Dialer: s.Dialer()}, true},
	} {
		conn, err := dial.Dial(context.Background(), s.Addr().String(), c.opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := get(soon(t), conn); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		_ = conn.Close()
	}
	pool := x509.NewCertPool()
	data, err := os.ReadFile(cert)
	if err != nil || !pool.AppendCertsFromPEM(data) {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	if code, body := fetch(t, client, "https://"+s.HTTPAddr().String()+"/readyz"); code != http.StatusOK {
		t.Errorf("/readyz over TLS: %d %s", code, body)
	}
}

func TestReadyzTellsTheTruth(t *testing.T) {
	s := run(t, server.Config{Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0"})
	url := "http://" + s.HTTPAddr().String()
	for _, step := range []struct {
		change func()
		code   int
		lines  string
	}{
		{func() {}, 503, "not ready: nothing was reported yet\n"},
		{func() { s.Health().Set("scanner", false) }, 503, "not ready\nscanner: failing\n"},
		{func() { s.Health().Set("scanner", true) }, 200, "ready\nscanner: ok\n"},
		{func() { s.Health().Set("scanner.upstream", false) }, 200, "ready\nscanner: ok\nscanner.upstream: failing (does not decide)\n"},
	} {
		step.change()
		if code, body := fetch(t, http.DefaultClient, url+"/readyz"); code != step.code || body != step.lines {
			t.Errorf("got %d %q, want %d %q", code, body, step.code, step.lines)
		}
	}
	if code, body := fetch(t, http.DefaultClient, url+"/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %q", code, body)
	}
}

func TestMetricsShowCallsAndTheProcess(t *testing.T) {
	s := run(t, server.Config{Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0"})
	conn, err := dial.Dial(context.Background(), s.Addr().String(), dial.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := get(soon(t), conn); err != nil {
		t.Fatal(err)
	}
	// The call's end is counted just after its answer is sent.
	for deadline := time.Now().Add(10 * time.Second); ; {
		_, body := fetch(t, http.DefaultClient, "http://"+s.HTTPAddr().String()+"/metrics")
		missing := ""
		for _, name := range []string{"go_goroutines", "process_open_fds", "tidemark_build_info{", "rpc_server_call_duration", "GetImagePolicy"} {
			if !strings.Contains(body, name) {
				missing = name
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s in\n%s", missing, body)
		}
	}
}

// run serves ImagePolicyService until the test ends.
func run(t *testing.T, cfg server.Config) *server.Server {
	t.Helper()
	cfg.Telemetry = grpctest.Telemetry(t, nil)
	s, err := server.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	registerPolicies(func(context.Context) error { return nil })(s.GRPC())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
			_ = c.Close()
			t.Error("the port is still open")
		}
	})
	return s
}

func fetch(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(soon(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// selfSigned writes a certificate for 127.0.0.1, its own CA, and its key.
func selfSigned(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}
