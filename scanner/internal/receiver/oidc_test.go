// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
)

// issuer signs tokens, and serves discovery and keys over TLS.
type issuer struct {
	*httptest.Server
	key   *ecdsa.PrivateKey
	asked atomic.Int64
	down  atomic.Bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		var answer any
		switch {
		case i.down.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case r.URL.Path == "/keys":
			answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}}
		default:
			answer = map[string]any{
				"issuer": i.URL, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
			}
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(i.Close)
	return i
}

func signToken(t *testing.T, key crypto.Signer, id string, claims map[string]any) string {
	t.Helper()
	algorithm := jose.ES256
	if _, ok := key.(*rsa.PrivateKey); ok {
		algorithm = jose.RS256
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// claims of a token that is valid, with changes; a nil value takes a claim away.
func claims(issuer string, changes map[string]any) map[string]any {
	all := map[string]any{
		"iss": issuer, "aud": "tidemark", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"repository": "team/app", "ref": "refs/heads/main",
	}
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

func oidcSpec(url string) *scannerv1.ReceiverSpec {
	s := spec(scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_OIDC)
	s.OidcProviders = []*scannerv1.OidcProvider{{
		IssuerUrl: url, Audience: "tidemark",
		Variables: []*scannerv1.OidcVariable{
			{Name: "owner", Expression: "claims.repository.split('/').first()"},
			{Name: "allowed", Expression: "vars.owner == 'team'"},
		},
		Validations: []*scannerv1.OidcValidation{
			{Expression: "vars.allowed", Message: "only team's repositories may"},
			{Expression: "claims.ref == 'refs/heads/main'", Message: "only main may"},
		},
	}}
	return s
}

func bearerCall(raw string) receiver.Call {
	return receiver.Call{Header: http.Header{"Authorization": {"Bearer " + raw}}, Body: []byte("{}")}
}

func TestGenericOIDCBelievesValidTokensOfItsProviders(t *testing.T) {
	i, other := newIssuer(t), newIssuer(t)
	r := compiled(t, oidcSpec(i.URL), &receiver.Issuers{Transport: i.Client().Transport})
	for name, test := range map[string]struct {
		raw  string
		want error
	}{
		"valid":                {signToken(t, i.key, "k", claims(i.URL, nil)), nil},
		"one of its audiences": {signToken(t, i.key, "k", claims(i.URL, map[string]any{"aud": []string{"x", "tidemark"}})), nil},
		"expired":              {signToken(t, i.key, "k", claims(i.URL, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})), receiver.ErrNotProven},
		"another audience":     {signToken(t, i.key, "k", claims(i.URL, map[string]any{"aud": "flux"})), receiver.ErrNotProven},
		"another key":          {signToken(t, other.key, "k", claims(i.URL, nil)), receiver.ErrNotProven},
		"another issuer":       {signToken(t, other.key, "k", claims(other.URL, nil)), receiver.ErrNotProven},
		"a validation fails":   {signToken(t, i.key, "k", claims(i.URL, map[string]any{"ref": "refs/heads/x"})), receiver.ErrNotProven},
		"a variable fails":     {signToken(t, i.key, "k", claims(i.URL, map[string]any{"repository": nil})), receiver.ErrNotProven},
		"no JWT":               {"abc", receiver.ErrNotProven},
		"not signed":           {"eyJhbGciOiJub25lIn0." + "e30" + ".", receiver.ErrNotProven},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := r.Read(t.Context(), bearerCall(test.raw)); !errors.Is(err, test.want) || (test.want == nil) != (err == nil) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	t.Run("absent", func(t *testing.T) {
		if _, err := r.Read(t.Context(), receiver.Call{Header: http.Header{}}); !errors.Is(err, receiver.ErrNotProven) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestInventedKeysDoNotFloodAnIssuer(t *testing.T) {
	i := newIssuer(t)
	r := compiled(t, oidcSpec(i.URL), &receiver.Issuers{Transport: i.Client().Transport})
	for range 200 {
		if _, err := r.Read(t.Context(), bearerCall(signToken(t, i.key, "invented", claims(i.URL, nil)))); err == nil {
			t.Fatal("a token of an invented key is believed")
		}
	}
	if got := i.asked.Load(); got > 20 {
		t.Errorf("the issuer was asked %d times", got)
	}
}

func TestAnIssuerThatIsAwayIsNoWrongProof(t *testing.T) {
	i := newIssuer(t)
	i.down.Store(true)
	r := compiled(t, oidcSpec(i.URL), &receiver.Issuers{Transport: i.Client().Transport})
	if _, err := r.Read(t.Context(), bearerCall(signToken(t, i.key, "k", claims(i.URL, nil)))); !errors.Is(err, receiver.ErrUnverifiable) {
		t.Errorf("the error is %v", err)
	}
}

func TestGCRBelievesGooglesTokens(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	issuers := &receiver.Issuers{GoogleKeys: &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key.Public()}}}
	r, err := receiver.Compile(spec(scannerv1.ReceiverType_RECEIVER_TYPE_GCR),
		receiver.Credential{Token: []byte(token), Email: "push@project.iam.gserviceaccount.com", Audience: "tidemark"}, issuers)
	if err != nil {
		t.Fatal(err)
	}
	google := func(changes map[string]any) map[string]any {
		all := claims("https://accounts.google.com", map[string]any{
			"email": "push@project.iam.gserviceaccount.com", "email_verified": true,
		})
		for name, value := range changes {
			all[name] = value
		}
		return all
	}
	body := `{"message":{"data":"` + encoded(`{"action":"INSERT","tag":"us-docker.pkg.dev/p/r/app:1.1.0"}`) + `"}}`
	for name, test := range map[string]struct {
		raw  string
		want error
	}{
		"valid":                {signToken(t, key, "", google(nil)), nil},
		"without the scheme":   {signToken(t, key, "", google(map[string]any{"iss": "accounts.google.com"})), nil},
		"another account":      {signToken(t, key, "", google(map[string]any{"email": "x@example.com"})), receiver.ErrNotProven},
		"an email not checked": {signToken(t, key, "", google(map[string]any{"email_verified": false})), receiver.ErrNotProven},
		"another audience":     {signToken(t, key, "", google(map[string]any{"aud": "x"})), receiver.ErrNotProven},
		"another issuer":       {signToken(t, key, "", google(map[string]any{"iss": "https://example.com"})), receiver.ErrNotProven},
		"another key":          {signToken(t, other, "", google(nil)), receiver.ErrNotProven},
		"absent":               {"", receiver.ErrNotProven},
	} {
		t.Run(name, func(t *testing.T) {
			call := bearerCall(test.raw)
			call.Body = []byte(body)
			notice, err := r.Read(t.Context(), call)
			if !errors.Is(err, test.want) || (test.want == nil) != (err == nil) {
				t.Fatalf("the error is %v", err)
			}
			if err != nil {
				return
			}
			want := []receiver.Image{{Repository: "us-docker.pkg.dev/p/r/app", Tag: "1.1.0"}}
			if diff := cmp.Diff(want, notice.Images); diff != "" {
				t.Error(diff)
			}
		})
	}
}
