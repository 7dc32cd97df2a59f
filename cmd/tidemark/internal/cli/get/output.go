// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// result is what was found of one view.
type result struct {
	view    view
	objects []kinds.Object
}

// write writes what was found, in the form that was asked for.
func write(out io.Writer, o options, found []result) error {
	switch o.output {
	case outputName:
		return writeNames(out, found)
	case outputJSON, outputYAML:
		return writeDocuments(out, o, found)
	default:
		return writeTables(out, o, found)
	}
}

func writeTables(out io.Writer, o options, found []result) error {
	for i, r := range found {
		if i > 0 {
			if _, err := io.WriteString(out, "\n"); err != nil {
				return fmt.Errorf("write the tables: %w", err)
			}
		}
		rows := make([][]string, len(r.objects))
		for j, object := range r.objects {
			rows[j] = r.view.row(o, object)
		}
		if err := table.New(out, r.view.header(o), o.noHeader).Write(rows); err != nil {
			return err
		}
	}
	return nil
}

func writeNames(out io.Writer, found []result) error {
	for _, r := range found {
		for _, object := range r.objects {
			if _, err := fmt.Fprintf(out, "%s/%s\n", r.view.kind.Resource, object.GetMetadata().GetName()); err != nil {
				return fmt.Errorf("write the names: %w", err)
			}
		}
	}
	return nil
}

// writeDocuments writes YAML as a stream of documents, and JSON as the object that was named or a list.
func writeDocuments(out io.Writer, o options, found []result) error {
	var objects []proto.Message
	for _, r := range found {
		for _, object := range r.objects {
			objects = append(objects, object)
		}
	}
	if len(objects) == 0 {
		return nil
	}
	codec, err := kinds.Codec()
	if err != nil {
		return err
	}
	if o.output == outputJSON {
		return writeJSON(out, codec, objects, len(o.names) == 1)
	}
	for _, object := range objects {
		text, err := codec.Encode(object, manifest.WithStatus())
		if err != nil {
			return err
		}
		if err := writeBytes(out, text); err != nil {
			return err
		}
	}
	return nil
}

func writeJSON(out io.Writer, codec *manifest.Codec, objects []proto.Message, single bool) error {
	var text []byte
	var err error
	if single && len(objects) == 1 {
		text, err = codec.EncodeJSON(objects[0], manifest.WithStatus())
	} else {
		text, err = codec.EncodeJSONList(objects, manifest.WithStatus())
	}
	if err != nil {
		return err
	}
	return writeBytes(out, text)
}

func writeBytes(out io.Writer, text []byte) error {
	if _, err := out.Write(text); err != nil {
		return fmt.Errorf("write the objects: %w", err)
	}
	return nil
}
