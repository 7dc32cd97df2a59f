// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package pushtime

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The errors of Pushed, beside the context's.
var (
	// ErrUnreachable says that the API did not answer. Worth a retry.
	ErrUnreachable = errors.New("the registry's API did not answer")
	// ErrRefused says that the API wants credentials that it was not given, or other ones.
	ErrRefused = errors.New("the registry's API refused the request")
	// ErrRateLimited says that the API wants to be left alone for a while.
	ErrRateLimited = errors.New("the registry's API limits the rate of requests")
	// ErrNotFound says that the API knows no such repository, or shows it to nobody it does not know.
	ErrNotFound = errors.New("the registry's API knows no such repository")
	// ErrInvalidResponse says that the API's answer is none, or beyond a bound.
	ErrInvalidResponse = errors.New("the registry's API sent an invalid answer")
)

// Query is what is asked.
type Query struct {
	// Host is the registry's, with its port if it has one.
	Host string
	// Repository is the path on the host.
	Repository string
	// Tags are the ones that the caller wants to know about.
	Tags []string
	// Plain says that the registry is asked without TLS.
	Plain bool
	// Username and Password are those for the registry itself, and are sent to no other host. Empty: there are none.
	Username, Password string
	// CloudIdentity says that the process's own identity at the cloud may be used.
	CloudIdentity bool
	// Transport sends the requests to the registry's own host; nil: the Config's.
	Transport http.RoundTripper
}

// API is a registry's own way to tell when tags were pushed.
type API interface {
	// Pushed tells it of those of the query's tags that the registry knows. What is known is returned beside an error.
	Pushed(ctx context.Context, query Query) (map[string]time.Time, error)
}

// Config says which registries are which. The zero value knows the public ones.
type Config struct {
	// Hub and ECR are base URLs in place of the services' own. Empty: those.
	Hub, ECR string
	// Quay and Harbor are hosts, as in image names, that run one, beside quay.io and hosts whose name begins with `harbor.`
	// or `quay.`.
	Quay, Harbor []string
	// Transport sends the requests; nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// Registries finds the API of a registry. It is safe for concurrent use.
type Registries struct {
	config Config
	ecr    ecrAPI
}

// New makes Registries.
func New(config Config) *Registries {
	return &Registries{config: config, ecr: ecrAPI{base: config.ECR, transport: config.Transport}}
}

var ecrHost = regexp.MustCompile(`^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|amazonaws\.com\.cn|on\.aws)$`)

// Of returns the API of a host; nil: it has none that we know.
func (r *Registries) Of(host string) API {
	web := webAPI{transport: r.config.Transport}
	switch {
	case host == "index.docker.io" || host == "docker.io":
		return hubAPI{webAPI: web, base: strings.TrimSuffix(orDefault(r.config.Hub, "https://hub.docker.com"), "/")}
	case host == "quay.io" || strings.HasPrefix(host, "quay.") || slices.Contains(r.config.Quay, host):
		return quayAPI{web}
	case strings.HasPrefix(host, "harbor.") || slices.Contains(r.config.Harbor, host):
		return harborAPI{web}
	case ecrHost.MatchString(host):
		return &r.ecr
	}
	return nil
}

// Pushed asks the API of the query's host. Where there is none, nothing is told.
func (r *Registries) Pushed(ctx context.Context, query Query) (map[string]time.Time, error) {
	api := r.Of(query.Host)
	if api == nil || len(query.Tags) == 0 {
		return nil, nil
	}
	times, err := api.Pushed(ctx, query)
	if err != nil {
		err = fmt.Errorf("asking when tags of %s/%s were pushed: %w", query.Host, query.Repository, err)
	}
	return times, err
}

func orDefault(value, other string) string {
	if value == "" {
		return other
	}
	return value
}
