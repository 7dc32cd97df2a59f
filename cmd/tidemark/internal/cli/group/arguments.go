// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package group

import (
	"fmt"

	"github.com/spf13/cobra"
)

// OneName takes the name of one object of a kind, and nothing else.
func OneName(noun string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("%s name is required", noun)
		case 1:
			return nil
		default:
			return fmt.Errorf("one %s at a time: %d names are given", noun, len(args))
		}
	}
}
