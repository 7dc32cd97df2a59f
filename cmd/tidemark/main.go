// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Command tidemark is Tidemark's command line.
package main

import (
	"os"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli"
)

func main() { os.Exit(cli.Main()) }
