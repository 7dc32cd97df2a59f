// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"errors"
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// check applies the contract's rules to one request of a batch, as the server does to whole requests.
func check(msg proto.Message) error {
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
			Path:     jsonPath(msg.ProtoReflect().Descriptor(), protovalidate.FieldPathString(v.Proto.GetField())),
			Sentence: v.Proto.GetMessage(),
		})
	}
	return rpcerr.Fields(violations)
}

// jsonPath spells a path as manifests do: filterTags.pattern for filter_tags.pattern.
func jsonPath(desc protoreflect.MessageDescriptor, path string) string {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		name, subscript, found := strings.Cut(part, "[")
		if desc == nil {
			break
		}
		field := desc.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			break
		}
		if parts[i], desc = field.JSONName(), field.Message(); found {
			parts[i] += "[" + subscript
		}
	}
	return strings.Join(parts, ".")
}
