// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

// Receiver is the kind of the webhooks that cause scans.
func Receiver() Kind {
	return Kind{
		Noun:     "Receiver",
		Human:    "receiver",
		Resource: "receiver",
		Service:  Scanner,
		Empty:    &scannerv1.Receiver{},
		calls:    calls{apply: applyReceiver, get: getReceiver, list: listReceivers, remove: removeReceiver, suspend: suspendReceiver, resume: resumeReceiver},
	}
}

func applyReceiver(ctx context.Context, conn grpc.ClientConnInterface, r applyRequest) (Object, metav1.ApplyOutcome, error) {
	object, err := as[*scannerv1.Receiver](r.object)
	if err != nil {
		return nil, 0, err
	}
	answer, err := scannerv1.NewReceiverServiceClient(conn).ApplyReceiver(ctx,
		&scannerv1.ApplyReceiverRequest{Receiver: object, Manager: r.manager, ValidateOnly: r.validateOnly})
	if err != nil {
		return nil, 0, err
	}
	return answer.GetReceiver(), answer.GetOutcome(), nil
}

func getReceiver(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) (Object, error) {
	answer, err := scannerv1.NewReceiverServiceClient(conn).GetReceiver(ctx,
		&scannerv1.GetReceiverRequest{Namespace: namespace, Name: name})
	if err != nil {
		return nil, err
	}
	return answer.GetReceiver(), nil
}

func listReceivers(ctx context.Context, conn grpc.ClientConnInterface, f Filter, token string) ([]Object, string, error) {
	answer, err := scannerv1.NewReceiverServiceClient(conn).ListReceivers(ctx,
		&scannerv1.ListReceiversRequest{Namespace: f.Namespace, LabelSelector: f.LabelSelector, PageToken: token})
	if err != nil {
		return nil, "", err
	}
	return objects(answer.GetReceivers()), answer.GetNextPageToken(), nil
}

func removeReceiver(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) error {
	_, err := scannerv1.NewReceiverServiceClient(conn).DeleteReceiver(ctx,
		&scannerv1.DeleteReceiverRequest{Namespace: namespace, Name: name})
	return err
}

func suspendReceiver(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := scannerv1.NewReceiverServiceClient(conn).SuspendReceiver(ctx,
		&scannerv1.SuspendReceiverRequest{Namespace: w.Namespace, Name: w.Name, Reason: w.Reason, Actor: w.Actor})
	if err != nil {
		return nil, err
	}
	return answer.GetReceiver(), nil
}

func resumeReceiver(ctx context.Context, conn grpc.ClientConnInterface, w Word) (Object, error) {
	answer, err := scannerv1.NewReceiverServiceClient(conn).ResumeReceiver(ctx,
		&scannerv1.ResumeReceiverRequest{Namespace: w.Namespace, Name: w.Name})
	if err != nil {
		return nil, err
	}
	return answer.GetReceiver(), nil
}
