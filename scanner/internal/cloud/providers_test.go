// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// alone takes away what the machine's own environment might say about clouds.
func alone(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		for _, prefix := range []string{"AWS_", "AZURE_", "IDENTITY_", "MSI_", "IMDS_", "GOOGLE_", "GCE_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
			if strings.HasPrefix(name, prefix) {
				t.Setenv(name, "")
			}
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a client that has left is a failure that the test sees
}

func TestHostsOfOtherProvidersGetNoCredential(t *testing.T) {
	alone(t)
	for name, provider := range map[string]Provider{"aws": AWS{}, "azure": Azure{}, "gcp": GCP{}} {
		hosts := []string{
			"index.docker.io", "ghcr.io", "127.0.0.1:5000", "evil.example", "",
			"123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example", "123456789012.dkr.ecr.evil.example/.amazonaws.com",
			"xdkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com:8443", "12.dkr.ecr.eu-west-1.amazonaws.com",
			"public.ecr.aws.evil.example", "x.public.ecr.aws",
			"azurecr.io", "x.azurecr.io.evil.example", "x.azurecr.io:8443", "xazurecr.io", "evil@x.azurecr.io", "evil.example/x.azurecr.io", "x.azurecr.de",
			"evilgcr.io", "gcr.io.evil.example", "gcr.io:8443", "pkg.dev", "x.pkg.dev.evil.example", "xpkg.dev",
		}
		for _, host := range hosts {
			if _, _, err := provider.Credential(t.Context(), host); !errors.Is(err, ErrForeignHost) {
				t.Errorf("%s, host %q: %v", name, host, err)
			}
		}
	}
}

func TestAmazonsRegionIsReadFromTheHost(t *testing.T) {
	for host, want := range map[string]string{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com":                "eu-west-1",
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com":       "us-gov-west-1",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":            "cn-north-1",
		"123456789012.dkr-ecr.ap-southeast-2.on.aws":                  "ap-southeast-2",
		"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": "cn-north-1",
		publicHost: publicRegion,
	} {
		if got := ecrRegion(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func TestAmazonGivesATokenToWhoSignsTheRequest(t *testing.T) {
	alone(t)
	expires := time.Now().Add(12 * time.Hour).Truncate(time.Second)
	token := base64.StdEncoding.EncodeToString([]byte("AWS:pass:word"))
	data := map[string]any{"authorizationToken": token, "expiresAt": expires.Unix()}
	fake := serve(t, func(w http.ResponseWriter, r *http.Request) {
		signed := r.Header.Get("Authorization")
		switch target := r.Header.Get("X-Amz-Target"); {
		case !strings.Contains(signed, "Credential=AKID/"):
			w.WriteHeader(http.StatusForbidden)
			reply(w, map[string]string{"__type": "UnrecognizedClientException", "message": "hunter2"})
		case strings.HasSuffix(target, "ContainerRegistry_V20150921.GetAuthorizationToken") && strings.Contains(signed, "/eu-west-1/ecr/"):
			reply(w, map[string]any{"authorizationData": []any{data}})
		case strings.HasSuffix(target, "SpencerFrontendService.GetAuthorizationToken") && strings.Contains(signed, "/us-east-1/ecr-public/"):
			reply(w, map[string]any{"authorizationData": data})
		default:
			w.WriteHeader(http.StatusBadRequest)
			reply(w, map[string]string{"__type": "UnknownOperationException", "message": target + " " + signed})
		}
	})
	t.Setenv("AWS_ENDPOINT_URL_ECR", fake)
	t.Setenv("AWS_ENDPOINT_URL_ECR_PUBLIC", fake)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "key")
	want := authn.AuthConfig{Username: "AWS", Password: "pass:word"}
	for _, host := range []string{"123456789012.dkr.ecr.eu-west-1.amazonaws.com", publicHost} {
		got, end, err := AWS{}.Credential(t.Context(), host)
		if err != nil || got != want || !end.Equal(expires) {
			t.Errorf("%s: %v, until %s, %v", host, got.Username, end, err)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "OTHER")
	_, _, err := AWS{}.Credential(t.Context(), publicHost)
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "UnrecognizedClientException") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("unknown key: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	if _, _, err = (AWS{}).Credential(t.Context(), publicHost); !errors.Is(err, ErrUnavailable) {
		t.Errorf("no key: %v", err)
	}
}

// toServer sends every request, whatever its host, to one server.
func toServer(server *httptest.Server) http.RoundTripper {
	transport, ok := server.Client().Transport.(*http.Transport)
	if !ok {
		panic("httptest has another transport now")
	}
	transport = transport.Clone()
	transport.TLSClientConfig.ServerName = "example.com" // what httptest's certificate is for
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
	return transport
}

func jwt(expires time.Time) string {
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, expires.Unix()))
	return "e30." + claims + ".c2ln"
}

// azureFake is Azure's token service for the three identities, and a registry.
func azureFake(t *testing.T, refresh string) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		switch {
		case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
			base := "https://" + r.Host + "/tenant"
			reply(w, map[string]string{
				"issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/oauth2/v2.0/token",
			})
		case r.URL.Path == "/tenant/oauth2/v2.0/token" && strings.Contains(string(body), "client_assertion=pod"):
			reply(w, map[string]any{"access_token": "aad", "token_type": "Bearer", "expires_in": 3600})
		case r.URL.Path == "/oauth2/exchange" && r.Host == "team.azurecr.io" && strings.Contains(string(body), "access_token=aad") &&
			strings.Contains(string(body), "service=team.azurecr.io"):
			reply(w, map[string]string{"refresh_token": refresh})
		case r.Host == "redirecting.azurecr.io":
			http.Redirect(w, r, "https://team.azurecr.io/oauth2/exchange", http.StatusTemporaryRedirect)
		default:
			http.Error(w, "hunter2 "+string(body), http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func TestAzureExchangesAWorkloadsIdentityAtTheRegistry(t *testing.T) {
	alone(t)
	expires := time.Now().Add(2 * time.Hour).Truncate(time.Second)
	server := azureFake(t, jwt(expires))
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("pod"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", file)
	t.Setenv("AZURE_CLIENT_ID", "client")
	t.Setenv("AZURE_TENANT_ID", "tenant")
	provider := Azure{Transport: toServer(server)}
	got, end, err := provider.Credential(t.Context(), "team.azurecr.io")
	if err != nil {
		t.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	if got.Username != tokenUser || got.Password != jwt(expires) || !end.Equal(expires) {
		t.Errorf("%s until %s, want %s", got.Username, end, expires)
	}
	for _, host := range []string{"other.azurecr.io", "redirecting.azurecr.io"} {
		if _, _, err = provider.Credential(t.Context(), host); !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestAzureExchangesAManagedIdentity(t *testing.T) {
	alone(t)
	server := azureFake(t, "opaque")
	fake := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Identity-Header") != "code" || r.URL.Query().Get("resource") != strings.TrimSuffix(registryScope, "/.default") {
			http.Error(w, "hunter2", http.StatusBadRequest)
			return
		}
		reply(w, map[string]string{
			"access_token": "aad", "token_type": "Bearer", "expires_on": fmt.Sprint(time.Now().Add(time.Hour).Unix()),
		})
	})
	t.Setenv("IDENTITY_ENDPOINT", fake+"/token")
	// The metadata service speaks plain HTTP and is asked where it is; all else goes to the registry.
	provider := Azure{Transport: split{plain: http.DefaultTransport, secure: toServer(server)}}
	t.Setenv("IDENTITY_HEADER", "code")
	got, end, err := provider.Credential(t.Context(), "team.azurecr.io")
	if err != nil || got.Password != "opaque" || time.Until(end) < refreshLife-time.Minute {
		t.Errorf("%v, until %s, %v: %v", got.Username, end, err, errors.Unwrap(err))
	}
}

type split struct{ plain, secure http.RoundTripper }

func (s split) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" {
		return s.plain.RoundTrip(r)
	}
	return s.secure.RoundTrip(r)
}

func TestGoogleGivesTheMachinesToken(t *testing.T) {
	alone(t)
	fake := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata-Flavor") != "Google" {
			http.Error(w, "hunter2", http.StatusForbidden)
			return
		}
		w.Header().Set("Metadata-Flavor", "Google")
		if strings.HasSuffix(r.URL.Path, "/instance/service-accounts/default/token") {
			reply(w, map[string]any{"access_token": "ya29", "expires_in": 3600, "token_type": "Bearer"})
		}
	})
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(fake, "http://"))
	for _, host := range []string{"gcr.io", "eu.gcr.io", "europe-docker.pkg.dev"} {
		got, end, err := GCP{}.Credential(t.Context(), host)
		if err != nil || got != (authn.AuthConfig{Username: googleUser, Password: "ya29"}) || time.Until(end) < 50*time.Minute {
			t.Errorf("%s: %s, until %s, %v", host, got.Username, end, err)
		}
	}
}

func TestGoogleGivesAUsersToken(t *testing.T) {
	alone(t)
	status := http.StatusOK
	fake := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if status != http.StatusOK {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			reply(w, map[string]string{"error": "invalid_grant", "error_description": "hunter2"})
			return
		}
		reply(w, map[string]any{"access_token": "ya29", "expires_in": 3600, "token_type": "Bearer"})
	})
	file := filepath.Join(t.TempDir(), "adc.json")
	content := `{"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",` +
		`"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"` + fake + `","credential_source":{"file":"` + file + `"}}`
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	got, _, err := GCP{}.Credential(t.Context(), "gcr.io")
	if err != nil || got.Password != "ya29" {
		t.Errorf("%v: %v", err, errors.Unwrap(err))
	}
	status = http.StatusBadRequest
	if _, _, err = (GCP{}).Credential(t.Context(), "gcr.io"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "absent"))
	if _, _, err = (GCP{}).Credential(t.Context(), "gcr.io"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
}
