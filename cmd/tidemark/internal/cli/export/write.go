// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Write writes objects as manifests that Flux takes, each after a line `---`. With own, what is Tidemark's own stays, and
// Flux does not take the manifests that have it; else it is left out, with a warning for each field.
func Write(out io.Writer, progress terminal.Progress, own bool, objects ...kinds.Object) error {
	codec, err := kinds.Codec()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	leftOut := false
	for _, object := range objects {
		var options []manifest.EncodeOption
		if !own {
			options = append(options, manifest.ForFlux(func(w *manifest.Warning) {
				leftOut = true
				progress.Warning("%s/%s/%s: %s", w.Kind, w.Namespace, w.Name, w)
			}))
		}
		one, err := codec.Encode(object, options...)
		if err != nil {
			return err
		}
		text.Write(one)
	}
	if leftOut {
		progress.Warning("for Tidemark's own use, --tidemark leaves nothing out")
	}
	return write(out, text.Bytes())
}

// Made writes the manifest of an object that was made from flags. Nothing that a flag says is left out: what Flux does not
// take is warned of.
func Made(out io.Writer, progress terminal.Progress, object kinds.Object) error {
	codec, err := kinds.Codec()
	if err != nil {
		return err
	}
	var own []string
	text, err := codec.Encode(object, manifest.ForFlux(func(w *manifest.Warning) { own = append(own, w.Path) }))
	if errors.Is(err, manifest.ErrOwnKind) || len(own) > 0 {
		if text, err = codec.Encode(object); err == nil && len(own) > 0 {
			progress.Warning("Flux does not take this manifest, for what is Tidemark's own in it: %s", strings.Join(own, ", "))
		}
	}
	if err != nil {
		return err
	}
	return write(out, text)
}

func write(out io.Writer, text []byte) error {
	if _, err := out.Write(text); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}
