// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/authn"
)

const (
	amazon     = "Amazon ECR"
	publicHost = "public.ecr.aws"
	// publicRegion is the only one in which the public registry hands out tokens.
	publicRegion = "us-east-1"
)

// privateHost has the registry's region in it; the newer form is reached over IPv6 too.
var privateHost = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]{12}\.(?:dkr\.ecr(?:-fips)?\.([a-z]{2}[a-z0-9-]{1,30})\.amazonaws\.com(?:\.cn)?|` +
		`dkr-ecr(?:-fips)?\.([a-z]{2}[a-z0-9-]{1,30})\.on\.(?:aws|amazonwebservices\.com\.cn))$`)
})

// AWS is Amazon's Elastic Container Registry, private and public, with the credentials of the SDK's default chain:
// environment, shared files, web identity, container, machine. The SDK's endpoint variables (AWS_ENDPOINT_URL_ECR …) count.
type AWS struct{}

// Credential implements Provider.
func (AWS) Credential(ctx context.Context, host string) (authn.AuthConfig, time.Time, error) {
	region := ecrRegion(host)
	if region == "" {
		return authn.AuthConfig{}, time.Time{}, foreign(host, amazon,
			"<account>.dkr.ecr.<region>.amazonaws.com or "+publicHost)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return authn.AuthConfig{}, time.Time{}, failed(host, amazon, "", err)
	}
	fetch := privateToken
	if host == publicHost {
		fetch = publicToken
	}
	token, expires, err := fetch(ctx, cfg)
	if err != nil {
		return authn.AuthConfig{}, time.Time{}, failed(host, amazon, smithyCode(err), err)
	}
	decoded, err := base64.StdEncoding.DecodeString(token)
	username, password, ok := strings.Cut(string(decoded), ":")
	if err != nil || !ok || password == "" {
		return authn.AuthConfig{}, time.Time{}, failed(host, amazon, "it answered without a token", nil)
	}
	return authn.AuthConfig{Username: username, Password: password}, expires, nil
}

// ecrRegion is where a registry's tokens are handed out; empty: it is none of Amazon's.
func ecrRegion(host string) string {
	if host == publicHost {
		return publicRegion
	}
	found := privateHost().FindStringSubmatch(host)
	if found == nil {
		return ""
	}
	return found[1] + found[2]
}

func privateToken(ctx context.Context, cfg aws.Config) (token string, expires time.Time, err error) {
	answer, err := ecr.NewFromConfig(cfg).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return "", time.Time{}, err // Credential wraps it
	}
	if len(answer.AuthorizationData) == 0 {
		return "", time.Time{}, nil
	}
	data := answer.AuthorizationData[0]
	return aws.ToString(data.AuthorizationToken), aws.ToTime(data.ExpiresAt), nil
}

func publicToken(ctx context.Context, cfg aws.Config) (token string, expires time.Time, err error) {
	answer, err := ecrpublic.NewFromConfig(cfg).GetAuthorizationToken(ctx, &ecrpublic.GetAuthorizationTokenInput{})
	if err != nil {
		return "", time.Time{}, err // Credential wraps it
	}
	if answer.AuthorizationData == nil {
		return "", time.Time{}, nil
	}
	return aws.ToString(answer.AuthorizationData.AuthorizationToken), aws.ToTime(answer.AuthorizationData.ExpiresAt), nil
}

func smithyCode(err error) string {
	if refused, ok := errors.AsType[smithy.APIError](err); ok {
		return refused.ErrorCode()
	}
	return ""
}
