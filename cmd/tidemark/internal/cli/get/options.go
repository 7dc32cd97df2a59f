// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/platform/manifest"
)

// The forms of output; empty is the table.
const (
	outputWide = "wide"
	outputJSON = "json"
	outputYAML = "yaml"
	outputName = "name"
)

// options are what the flags and arguments ask for.
type options struct {
	namespace      string
	allNamespaces  bool
	labelSelector  string
	statusSelector string
	watch          bool
	noHeader       bool
	output         string

	// names of the objects. Empty: all.
	names []string
	// mixed tables name each object with its kind.
	mixed  bool
	status statusSelector
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&o.namespace, "namespace", "n", manifest.DefaultNamespace, "namespace of the objects")
	flags.BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "show the objects of all namespaces")
	flags.StringVarP(&o.labelSelector, "label-selector", "l", "", "only objects with these labels, for example app=web,tier!=test")
	flags.StringVar(&o.statusSelector, "status-selector", "", "only objects with this condition, type=status, for example ready=false")
	flags.BoolVarP(&o.watch, "watch", "w", false, "go on, and show each object that changes")
	flags.BoolVar(&o.noHeader, "no-header", false, "leave out the table's header")
	flags.StringVarP(&o.output, "output", "o", "", "form of the output: wide, json, yaml or name (default: a table)")
}

// checked are the options, if they make sense together.
func (o options) checked() (options, error) {
	switch o.output {
	case "", outputWide:
	case outputJSON, outputYAML, outputName:
		if o.watch {
			return o, fmt.Errorf("--watch shows rows: use it without -o %s", o.output)
		}
	default:
		return o, fmt.Errorf("-o %s: the output is wide, json, yaml or name", o.output)
	}
	if o.namespace == "" && !o.allNamespaces {
		return o, fmt.Errorf("--namespace is empty; for all namespaces use -A")
	}
	var err error
	o.status, err = parseStatusSelector(o.statusSelector)
	return o, err
}

// place says where was looked, as flux does.
func (o options) place() string {
	if o.allNamespaces {
		return "any namespace"
	}
	return fmt.Sprintf("%q namespace", o.namespace)
}

// nothing is the error of an answer without objects.
func (q query) nothing(views []view) error {
	nouns := make([]string, len(views))
	for i, v := range views {
		nouns[i] = v.kind.Noun
	}
	return fmt.Errorf("no %s objects found in %s", strings.Join(nouns, ", "), q.options.place())
}
