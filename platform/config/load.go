// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// envPrefix begins the environment variables' names.
const envPrefix = "TIDEMARK_"

// EnvName is the environment variable of a flag: TIDEMARK_DATA_DIR for "data-dir".
func EnvName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Load gives each flag of fs that was not given on the command line its value from the environment, else from the file
// that --config (or TIDEMARK_CONFIG) names, if fs has such a flag. Call it once, after parsing. An empty variable counts
// as not set. All mistakes are reported together, each with its variable, or its file and line.
func Load(fs *pflag.FlagSet) error {
	var errs []error
	given := make(map[string]bool)
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			given[f.Name] = true
			return
		}
		value := os.Getenv(EnvName(f.Name))
		if value == "" || f.Name == "help" {
			return
		}
		given[f.Name] = true
		if err := set(f, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", EnvName(f.Name), err))
		}
	})
	if f := fs.Lookup(configFlag); f != nil && f.Value.String() != "" {
		errs = append(errs, loadFile(fs, f.Value.String(), given))
	}
	return errors.Join(errs...)
}

// set is what the command line would do, with an error that does not speak of it.
func set(f *pflag.Flag, value string) error {
	if err := f.Value.Set(value); err != nil {
		return fmt.Errorf("%q is not a value for %s: %w", value, f.Name, err)
	}
	f.Changed = true
	return nil
}
