// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package pushtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
)

// ecrBatch is how many images ECR takes in one request.
const ecrBatch = 100

// ecrAPI is Amazon ECR's DescribeImages, asked with the process's identity.
type ecrAPI struct {
	base      string
	transport http.RoundTripper

	mu      sync.Mutex
	clients map[string]*ecr.Client // by region
}

// Pushed implements API. Without an identity nothing is told.
func (e *ecrAPI) Pushed(ctx context.Context, query Query) (map[string]time.Time, error) {
	parts := ecrHost.FindStringSubmatch(query.Host)
	if parts == nil || !query.CloudIdentity {
		return nil, nil
	}
	client, err := e.client(ctx, parts[2])
	if err != nil {
		return nil, err
	}
	c := collect(query.Tags)
	for tags := query.Tags; len(tags) > 0; {
		batch := tags[:min(len(tags), ecrBatch)]
		tags = tags[len(batch):]
		if err := e.describe(ctx, client, parts[1], query.Repository, batch, c); err != nil {
			return c.times, err
		}
	}
	return c.times, nil
}

// describe asks about a batch of tags. ECR answers none of them if one is gone, so then they are asked about in halves.
func (e *ecrAPI) describe(ctx context.Context, client *ecr.Client, account, repository string, tags []string, c *collector) error {
	ids := make([]types.ImageIdentifier, len(tags))
	for i, tag := range tags {
		ids[i] = types.ImageIdentifier{ImageTag: aws.String(tag)}
	}
	answer, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RegistryId: aws.String(account), RepositoryName: aws.String(repository), ImageIds: ids,
	})
	if _, gone := errors.AsType[*types.ImageNotFoundException](err); gone {
		if len(tags) == 1 {
			return nil
		}
		half := len(tags) / 2
		if err := e.describe(ctx, client, account, repository, tags[:half], c); err != nil {
			return err
		}
		return e.describe(ctx, client, account, repository, tags[half:], c)
	}
	if err != nil {
		return ecrFailure(err)
	}
	for _, image := range answer.ImageDetails {
		for _, tag := range image.ImageTags {
			if image.ImagePushedAt != nil {
				c.tell(tag, *image.ImagePushedAt)
			}
		}
	}
	return nil
}

// ecrFailure gives an error of the SDK one of ours; the SDK's text may hold identifiers of requests and hosts.
func ecrFailure(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fmt.Errorf("%w: Amazon ECR cannot be asked, or there is no identity to ask it with", ErrUnreachable)
	}
	kind := ErrInvalidResponse
	switch code := refusal.ErrorCode(); code {
	case "RepositoryNotFoundException":
		kind = ErrNotFound
	case "ThrottlingException", "TooManyRequestsException", "LimitExceededException":
		kind = ErrRateLimited
	case "ServerException", "ServiceUnavailableException", "InternalFailure":
		kind = ErrUnreachable
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException":
		kind = ErrRefused
	}
	return fmt.Errorf("%w (%.64s)", kind, refusal.ErrorCode())
}

func (e *ecrAPI) client(ctx context.Context, region string) (*ecr.Client, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if client := e.clients[region]; client != nil {
		return client, nil
	}
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return nil, fmt.Errorf("%w: the configuration for Amazon's services cannot be read", ErrUnreachable)
	}
	client := ecr.NewFromConfig(loaded, func(o *ecr.Options) {
		o.HTTPClient = &http.Client{Transport: bounded{e.transport}}
		o.RetryMaxAttempts = 1
		if e.base != "" {
			o.BaseEndpoint = aws.String(e.base)
		}
	})
	if e.clients == nil {
		e.clients = map[string]*ecr.Client{}
	}
	e.clients[region] = client
	return client, nil
}

// bounded cuts answers off that are too large, which makes them no JSON.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	next := b.next
	if next == nil {
		next = http.DefaultTransport
	}
	answer, err := next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}
