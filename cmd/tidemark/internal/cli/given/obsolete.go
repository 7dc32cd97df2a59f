// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package given

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/chosen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Prune are the flags that say which stored objects are to be in the manifests.
type Prune struct {
	On       bool
	Selector string
}

// Add adds the flags; verb is what is done with objects that the manifests no longer have.
func (p *Prune) Add(cmd *cobra.Command, verb string) {
	cmd.Flags().BoolVar(&p.On, "prune", false, verb+" the objects with the labels of -l that were applied and are in none of the files;\n"+
		"of all namespaces, unless --namespace names one")
	cmd.Flags().StringVarP(&p.Selector, "label-selector", "l", "", "labels of the objects that --prune is about, for example app=web")
}

// Check refuses one of the flags without the other.
func (p *Prune) Check() error {
	switch {
	case p.On && p.Selector == "":
		return errors.New("--prune needs the labels of what the files are to have all of: say -l, for example -l app=web")
	case !p.On && p.Selector != "":
		return errors.New("-l is for --prune, which is not given")
	}
	return nil
}

// Obsolete finds the objects that have the labels, were applied by somebody and were not given. One that is managed otherwise,
// by a followed folder above all, is told of and left alone. An empty namespace stands for all.
func (m *Manifests) Obsolete(
	ctx context.Context, servers *connection.Servers, namespace, selector string, progress terminal.Progress,
) ([]chosen.Object, error) {
	var all []chosen.Object
	for _, kind := range kinds.All() {
		conn, err := servers.To(ctx, kind.Service)
		if err != nil {
			return nil, err
		}
		found, err := kind.List(ctx, conn, kinds.Filter{Namespace: namespace, LabelSelector: selector})
		if err != nil {
			return nil, err
		}
		for _, object := range found {
			o := chosen.Object{Object: object, Kind: kind, Conn: conn}
			switch {
			case m.MayHold(kind.Noun, o.Namespace(), o.Name()):
			case kinds.ManagedBy(object, kinds.WayApply):
				all = append(all, o)
			default:
				progress.Warning("%s/%s/%s has the labels and stays: it is managed by %s, not by apply",
					kind.Resource, o.Namespace(), o.Name(), object.GetMetadata().GetManagedBy())
			}
		}
	}
	return all, nil
}
