// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/scanner/internal/budget"
)

// RegistryHosts answers RegistryHostService.
type RegistryHosts struct {
	scannerv1.UnimplementedRegistryHostServiceServer

	Hosts *budget.Hosts
}

// ListRegistryHosts implements the RPC.
func (a *RegistryHosts) ListRegistryHosts(
	context.Context, *scannerv1.ListRegistryHostsRequest,
) (*scannerv1.ListRegistryHostsResponse, error) {
	response := &scannerv1.ListRegistryHostsResponse{}
	for _, host := range a.Hosts.List() {
		response.RegistryHosts = append(response.RegistryHosts, registryHost(host))
	}
	return response, nil
}

func registryHost(host budget.Host) *scannerv1.RegistryHost {
	return &scannerv1.RegistryHost{
		Host: host.Host, Credential: host.Credential, State: registryHostState(host.State),
		InFlight: count(host.InFlight), MaxInFlight: count(host.MaxInFlight), Waiting: count(host.Waiting),
		Limit: host.Window.Limit, Remaining: host.Window.Remaining,
		ResetTime: moment(host.Window.Reset), RetryTime: moment(host.Retry),
		Failures: count(host.Failures), LastError: host.LastError,
	}
}

func registryHostState(state budget.State) scannerv1.RegistryHostState {
	switch state {
	case budget.StateOK:
		return scannerv1.RegistryHostState_REGISTRY_HOST_STATE_OK
	case budget.StateLimited:
		return scannerv1.RegistryHostState_REGISTRY_HOST_STATE_LIMITED
	case budget.StateDown:
		return scannerv1.RegistryHostState_REGISTRY_HOST_STATE_DOWN
	case budget.StateUnknown:
	}
	return scannerv1.RegistryHostState_REGISTRY_HOST_STATE_UNSPECIFIED
}

func count(n int) int32 { return int32(min(n, math.MaxInt32)) } //nolint:gosec // bounded

func moment(at time.Time) *timestamppb.Timestamp {
	if at.IsZero() {
		return nil
	}
	return timestamppb.New(at)
}
