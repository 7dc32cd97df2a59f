// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func validateUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := checkMessage(req); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func validateStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(srv, validatedStream{stream})
}

type validatedStream struct{ grpc.ServerStream }

func (s validatedStream) RecvMsg(msg any) error {
	if err := s.ServerStream.RecvMsg(msg); err != nil {
		return err // the handler is to see io.EOF and the status as they are
	}
	return checkMessage(msg)
}

func checkMessage(req any) error {
	msg, ok := req.(proto.Message)
	if !ok {
		return nil
	}
	return Validate(msg)
}

// Validate applies the rules that are written in the .proto files, as the server does to every request; it is for parts
// of a request that are checked each for itself. protovalidate's own shared validator is used: it is made at the first
// call, once per process, for it takes long to start.
func Validate(msg proto.Message) error {
	err := protovalidate.Validate(msg)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return fmt.Errorf("validate a %s: %w", msg.ProtoReflect().Descriptor().FullName(), err)
	}
	var violations []rpcerr.FieldViolation
	for _, v := range invalid.Violations {
		violations = append(violations, rpcerr.FieldViolation{
			Path:     protovalidate.FieldPathString(v.Proto.GetField()),
			Sentence: sentenceOf(v.Proto),
		})
	}
	return rpcerr.Fields(violations)
}

func sentenceOf(v *validate.Violation) string {
	sentence := v.GetMessage()
	if sentence == "" {
		sentence = "breaks the rule " + v.GetRuleId()
	}
	if v.GetForKey() {
		return "the key: " + sentence
	}
	return sentence
}
