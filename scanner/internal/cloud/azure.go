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
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azurecloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/go-containerregistry/pkg/authn"
)

const (
	microsoft = "Azure Container Registry"
	// registryScope is the audience of tokens for registries, the same in all of Azure's clouds.
	registryScope = "https://containerregistry.azure.net/.default"
	// tokenUser is the user name that goes with a refresh token for a password.
	tokenUser = "00000000-0000-0000-0000-000000000000"
	// refreshLife is what a registry's refresh token has if it does not say.
	refreshLife = 3 * time.Hour
	maxExchange = 64 << 10 // bytes
)

var azureHost = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9]+(?:[-.][a-z0-9]+)*\.azurecr\.(io|cn|us)$`)
})

// Azure is Azure Container Registry, in its three clouds: a token of the process's own identity (a service principal in the
// environment, a workload identity, a managed identity) is exchanged at the registry for one of the registry's.
// AZURE_AUTHORITY_HOST counts. No command line tool is run.
type Azure struct {
	// Transport speaks to the registry and to Azure; nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// Credential implements Provider.
func (a Azure) Credential(ctx context.Context, host string) (authn.AuthConfig, time.Time, error) {
	found := azureHost().FindStringSubmatch(host)
	if found == nil {
		return authn.AuthConfig{}, time.Time{}, foreign(host, microsoft, "<name>.azurecr.io, .cn or .us")
	}
	identity, err := a.identity(found[1])
	if err != nil {
		return authn.AuthConfig{}, time.Time{}, failed(host, microsoft, "", err)
	}
	token, err := identity.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{registryScope}})
	if err != nil {
		return authn.AuthConfig{}, time.Time{}, failed(host, microsoft, azureCode(err), err)
	}
	refresh, err := a.exchange(ctx, host, token.Token)
	if err != nil {
		return authn.AuthConfig{}, time.Time{}, err
	}
	return authn.AuthConfig{Username: tokenUser, Password: refresh}, expiry(refresh), nil
}

// identity is the first that the environment has: who is asked first is who is configured most precisely.
func (a Azure) identity(suffix string) (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{}
	if a.Transport != nil {
		options.Transport = &http.Client{Transport: a.Transport}
	}
	if os.Getenv("AZURE_AUTHORITY_HOST") == "" {
		switch suffix {
		case "cn":
			options.Cloud = azurecloud.AzureChina
		case "us":
			options.Cloud = azurecloud.AzureGovernment
		}
	}
	var chain []azcore.TokenCredential
	if principal, err := azidentity.NewEnvironmentCredential(
		&azidentity.EnvironmentCredentialOptions{ClientOptions: options}); err == nil {
		chain = append(chain, principal)
	}
	if workload, err := azidentity.NewWorkloadIdentityCredential(
		&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options}); err == nil {
		chain = append(chain, workload)
	}
	managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
	if id := os.Getenv("AZURE_CLIENT_ID"); id != "" {
		managed.ID = azidentity.ClientID(id)
	}
	machine, err := azidentity.NewManagedIdentityCredential(managed)
	if err != nil {
		return nil, fmt.Errorf("managed identity: %w", err)
	}
	all, err := azidentity.NewChainedTokenCredential(append(chain, machine), nil)
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	return all, nil
}

// exchange gives the identity's token to the registry, over TLS and to nobody it redirects to, for a refresh token.
func (a Azure) exchange(ctx context.Context, host, token string) (string, error) {
	form := url.Values{"grant_type": {"access_token"}, "service": {host}, "access_token": {token}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/oauth2/exchange", strings.NewReader(form.Encode()))
	if err != nil {
		return "", failed(host, microsoft, "", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Transport: a.Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	answer, err := client.Do(request)
	if err != nil {
		return "", failed(host, microsoft, "", err)
	}
	defer func() { _ = answer.Body.Close() }() // it has been read
	if answer.StatusCode != http.StatusOK {
		return "", failed(host, microsoft, answer.Status, nil)
	}
	var got struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxExchange)).Decode(&got); err != nil || got.RefreshToken == "" {
		return "", failed(host, microsoft, "it answered without a token", nil)
	}
	return got.RefreshToken, nil
}

// expiry reads the end of a token from its claims, which nobody here needs to believe: a wrong one is refused and fetched anew.
func expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	var claims struct {
		Expires int64 `json:"exp"`
	}
	if len(parts) == 3 {
		if decoded, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(decoded, &claims) == nil &&
			claims.Expires > 0 {
			return time.Unix(claims.Expires, 0)
		}
	}
	return time.Now().Add(refreshLife)
}

func azureCode(err error) string {
	refused, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || refused.RawResponse == nil {
		return ""
	}
	return refused.RawResponse.Status
}
