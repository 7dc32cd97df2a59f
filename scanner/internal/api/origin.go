// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// origin is the scan that first saw a tag; nil where it is not known any more, or was never noted.
func (a *Tags) origin(ctx context.Context, uid string, entry tagset.Entry) (*scannerv1.TagOrigin, error) {
	scans, err := a.Reader.State.Origins(ctx, uid)
	if err != nil {
		return nil, err
	}
	scan, known := scans.Of(entry.FirstSeen)
	if !known {
		return nil, nil //nolint:nilnil // No origin is what the message says with nil.
	}
	message := &scannerv1.TagOrigin{Trigger: triggerMessage(scan.Trigger), Receiver: scan.Receiver, Time: timestamppb.New(scan.Time)}
	if scan.TraceID.IsValid() {
		message.TraceId = scan.TraceID.String()
	}
	return message, nil
}

func triggerMessage(trigger origin.Trigger) scannerv1.ScanTrigger {
	switch trigger {
	case origin.First:
		return scannerv1.ScanTrigger_SCAN_TRIGGER_FIRST
	case origin.Interval:
		return scannerv1.ScanTrigger_SCAN_TRIGGER_INTERVAL
	case origin.Request:
		return scannerv1.ScanTrigger_SCAN_TRIGGER_REQUEST
	case origin.Webhook:
		return scannerv1.ScanTrigger_SCAN_TRIGGER_WEBHOOK
	case origin.Spec:
		return scannerv1.ScanTrigger_SCAN_TRIGGER_SPEC
	case origin.Retry:
		return scannerv1.ScanTrigger_SCAN_TRIGGER_RETRY
	case origin.Unknown:
	}
	return scannerv1.ScanTrigger_SCAN_TRIGGER_UNSPECIFIED
}
