// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

const app1 = "team/app.git"

func startServer(t *testing.T, config gitserver.Config) *gitserver.Server {
	t.Helper()
	config.Dir = t.TempDir()
	server, err := gitserver.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.CreateRepository(app1, "main", map[string]string{"app.yaml": "image: a:1\n"}); err != nil {
		t.Fatal(err)
	}
	return server
}

// poolWith is a pool and its secrets, all in namespace apps.
func poolWith(t *testing.T, secrets map[string]secret.Secret) (*Pool, *secret.Memory) {
	t.Helper()
	memory := &secret.Memory{}
	for name, s := range secrets {
		if err := memory.Set("apps", name, s); err != nil {
			t.Fatal(err)
		}
	}
	pool := New(t.TempDir(), memory)
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool, memory
}

func keys(words ...string) secret.Secret {
	s := secret.Secret{}
	for i := 0; i < len(words); i += 2 {
		s[words[i]] = []byte(words[i+1])
	}
	return s
}

// proxied is a repository with a proxy's secret.
func proxied(r *updaterv1.GitRepository, name string) *updaterv1.GitRepository {
	r.Spec.ProxySecretRef = &metav1.LocalObjectReference{Name: name}
	return r
}

var serial atomic.Int64

// change fetches, commits and pushes as a run does.
func change(ctx context.Context, pool *Pool, r *updaterv1.GitRepository) error {
	repo, release, err := pool.Open(ctx, r)
	if err != nil {
		return err
	}
	defer release()
	return changeWith(ctx, repo)
}

func changeWith(ctx context.Context, repo *gitrepo.Repo) error {
	tip, err := repo.Fetch(ctx, gitrepo.Ref{Branch: "main"})
	if err != nil {
		return err
	}
	content := fmt.Appendf(nil, "image: a:%d\n", serial.Add(1)+1)
	made, err := repo.Commit(ctx, tip.Hash, map[string][]byte{"app.yaml": content}, gitrepo.CommitInfo{
		Author: gitrepo.Person{Email: "bot@example.com"}, Message: "change", When: time.Now(),
	})
	if err != nil {
		return err
	}
	_, err = repo.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/main", Old: tip.Hash, New: made.Hash}}, gitrepo.PushOptions{})
	return err
}

// authority signs certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key: key, cert: cert, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue makes a certificate for 127.0.0.1, and for clients.
func (a *authority) issue(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "somebody"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// serve is the configuration of a server that the authority vouches for.
func (a *authority) serve(t *testing.T) *tls.Config {
	t.Helper()
	certificate, key := a.issue(t)
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}
