// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

const (
	googles     = "Google Artifact Registry"
	googleScope = "https://www.googleapis.com/auth/cloud-platform"
	googleUser  = "oauth2accesstoken"
)

// GCP is Google's Artifact Registry (*.pkg.dev) and what is left of Container Registry (gcr.io, *.gcr.io), with the
// application default credentials: a file named by GOOGLE_APPLICATION_CREDENTIALS, workload identity federation, or the
// metadata service (GCE_METADATA_HOST counts).
type GCP struct{}

// Credential implements Provider.
func (GCP) Credential(ctx context.Context, host string) (authn.AuthConfig, time.Time, error) {
	if !isGoogles(host) {
		return authn.AuthConfig{}, time.Time{}, foreign(host, googles, "gcr.io, *.gcr.io or *.pkg.dev")
	}
	token, err := googleToken(ctx)
	if err != nil {
		return authn.AuthConfig{}, time.Time{}, failed(host, googles, googleCode(err), err)
	}
	if token.AccessToken == "" {
		return authn.AuthConfig{}, time.Time{}, failed(host, googles, "it answered without a token", nil)
	}
	return authn.AuthConfig{Username: googleUser, Password: token.AccessToken}, token.Expiry, nil
}

func isGoogles(host string) bool {
	return host == "gcr.io" || strings.HasSuffix(host, ".gcr.io") || strings.HasSuffix(host, ".pkg.dev")
}

// googleToken waits no longer than the context, which the library looks at for some kinds of credentials only.
func googleToken(ctx context.Context) (*oauth2.Token, error) {
	type answer struct {
		token *oauth2.Token
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		within := context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Timeout: fetchTimeout})
		credentials, err := google.FindDefaultCredentials(within, googleScope)
		if err != nil {
			answers <- answer{nil, err}
			return
		}
		token, err := credentials.TokenSource.Token()
		answers <- answer{token, err}
	}()
	select {
	case got := <-answers:
		return got.token, got.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func googleCode(err error) string {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok:
		return ""
	case refused.ErrorCode != "":
		return refused.ErrorCode
	case refused.Response != nil:
		return refused.Response.Status
	}
	return ""
}
