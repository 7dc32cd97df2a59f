// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package suggestion

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// FlagError says what is wrong with a command's flags, what was most likely meant, and where to read on.
func FlagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() == "" {
		if near := flagNear(cmd, unknown.GetSpecifiedName()); near != "" {
			return fmt.Errorf("%w; did you mean --%s?", err, near)
		}
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok && invalid.GetFlag().Value.Type() == "duration" {
		return fmt.Errorf("invalid argument %q for \"--%s\" flag: %s", invalid.GetValue(), invalid.GetFlag().Name, duration(invalid.GetValue()))
	}
	return fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())
}

// flagNear is the flag of a command that a misspelt one most likely means.
func flagNear(cmd *cobra.Command, name string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := Nearest(name, names); near != "" {
		return near
	}
	return Beginning(name, names)
}

// duration says how a duration is written, with the one in hand where it is plain what was meant.
func duration(word string) string {
	const how = "a duration is numbers with units, such as 30s, 5m or 1h30m"
	number := strings.TrimRight(word, "dDhHmMsS ")
	if number == "" || strings.Trim(number, "0123456789") != "" || len(number) > 4 {
		return how
	}
	switch unit := strings.TrimSpace(strings.ToLower(word[len(number):])); unit {
	case "":
		return how + "; write " + number + "s or " + number + "m"
	case "d":
		var days int
		if _, err := fmt.Sscan(number, &days); err != nil {
			return how
		}
		return fmt.Sprintf("%s; write %dh", how, 24*days)
	case "h", "m", "s":
		return how + "; write " + number + unit
	default:
		return how
	}
}
