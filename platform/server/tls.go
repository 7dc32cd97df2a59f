// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// TLS names the PEM files of a server's identity. The certificate and key are read again when they change.
type TLS struct {
	// CertFile and KeyFile: both or neither.
	CertFile, KeyFile string
	// ClientCAFile, if set, makes gRPC clients show a certificate signed by one of it. HTTP asks for none.
	ClientCAFile string
}

func (t TLS) set() bool { return t.CertFile != "" && t.KeyFile != "" }

// config is nil where no TLS is to be spoken.
func (t TLS) config() (*tls.Config, error) {
	if !t.set() {
		if t != (TLS{}) {
			return nil, errors.New("--tls-cert-file and --tls-key-file go together, and --tls-client-ca-file with both")
		}
		return nil, nil
	}
	pair := &keyPair{certFile: t.CertFile, keyFile: t.KeyFile}
	if _, err := pair.get(nil); err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}
	if t.ClientCAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(t.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-ca-file: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--tls-client-ca-file %s: no PEM certificate in it", t.ClientCAFile)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}

// keyPair reads a certificate again when its file has changed.
type keyPair struct {
	certFile, keyFile string

	mu       sync.Mutex
	modified time.Time
	cert     *tls.Certificate
}

func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.certFile)
	if err == nil && p.cert != nil && info.ModTime().Equal(p.modified) {
		return p.cert, nil
	}
	var cert tls.Certificate
	if err == nil {
		cert, err = tls.LoadX509KeyPair(p.certFile, p.keyFile)
	}
	switch {
	case err == nil:
		p.cert, p.modified = &cert, info.ModTime()
	case p.cert == nil:
		return nil, fmt.Errorf("--tls-cert-file %s, --tls-key-file %s: %w", p.certFile, p.keyFile, err)
	}
	return p.cert, nil // half-way through a rotation: the old one still serves
}

// serverCredentials speak TLS on the network and nothing in memory, where there is nobody to hide from.
func serverCredentials(config *tls.Config) credentials.TransportCredentials {
	plain := insecure.NewCredentials()
	if config == nil {
		return plain
	}
	return networkTLS{TransportCredentials: credentials.NewTLS(config), plain: plain}
}

type networkTLS struct {
	credentials.TransportCredentials
	plain credentials.TransportCredentials
}

func (c networkTLS) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if _, ok := conn.(memoryConn); ok {
		return c.plain.ServerHandshake(conn) // gRPC logs it with the connection
	}
	return c.TransportCredentials.ServerHandshake(conn)
}

func (c networkTLS) Clone() credentials.TransportCredentials {
	return networkTLS{TransportCredentials: c.TransportCredentials.Clone(), plain: c.plain}
}

// memoryListener marks the connections that never left the process.
type memoryListener struct{ *bufconn.Listener }

type memoryConn struct{ net.Conn }

func (l memoryListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err // gRPC looks at it
	}
	return memoryConn{conn}, nil
}
