// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

// ListRegistryHosts implements the RPC.
func (s *services) ListRegistryHosts(
	context.Context, *scannerv1.ListRegistryHostsRequest,
) (*scannerv1.ListRegistryHostsResponse, error) {
	return &scannerv1.ListRegistryHostsResponse{RegistryHosts: s.hosts}, nil
}

func registryHosts() []*scannerv1.RegistryHost {
	return []*scannerv1.RegistryHost{
		{
			Host: "ghcr.io", Credential: "anonymous", State: scannerv1.RegistryHostState_REGISTRY_HOST_STATE_OK,
			InFlight: 2, MaxInFlight: 8, Waiting: 3,
		},
		{
			Host: "index.docker.io", Credential: "1f3a9c2d5e6f", State: scannerv1.RegistryHostState_REGISTRY_HOST_STATE_LIMITED,
			MaxInFlight: 8, Limit: 100, ResetTime: timestamppb.New(noon.Add(time.Hour)), RetryTime: timestamppb.New(noon.Add(time.Hour)),
			Failures: 1, LastError: "429 Too Many Requests",
		},
		{
			Host: "registry.example:5000", Credential: "anonymous", State: scannerv1.RegistryHostState_REGISTRY_HOST_STATE_DOWN,
			MaxInFlight: 8, RetryTime: timestamppb.New(noon.Add(time.Minute)), Failures: 7, LastError: "no connection",
		},
		{Host: "silent.example", Credential: "anonymous", MaxInFlight: 8, Remaining: 4},
	}
}

func TestGetRegistriesShowsTheHosts(t *testing.T) {
	s := newServices()
	s.hosts = registryHosts()
	address := s.serve(t)
	for file, args := range map[string][]string{
		"registries.txt":  {"get", "registries"},
		"registries.json": {"get", "registries", "-o", "json"},
		"registries.yaml": {"get", "registries", "-o", "yaml"},
	} {
		t.Run(file, func(t *testing.T) {
			got := tidemark(t, address, args...)
			if got.code != 0 || got.err != "" {
				t.Fatalf("exit code %d, standard error %q", got.code, got.err)
			}
			golden(t, "get/"+file, got.out)
		})
	}
}

func TestGetRegistriesSaysWhatItCannotShow(t *testing.T) {
	address := newServices().serve(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"nothing yet": {[]string{"get", "registries"}, "✗ the scanner has talked to no registry yet\n"},
		"names":       {[]string{"get", "registries", "-o", "name"}, "✗ -o name: the output is json or yaml\n"},
		"a watch":     {[]string{"get", "registries", "-w"}, "✗ --watch: the registries' hosts cannot be watched; ask again\n"},
	} {
		t.Run(name, func(t *testing.T) { tidemark(t, address, test.args...).wants(t, terminal{err: test.want, code: 1}) })
	}
}
