// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package config fills a program's flags. Each flag is also an environment variable, TIDEMARK_DATA_DIR for --data-dir,
// and a key, data-dir, of the YAML file that --config names. A flag given wins over the environment, that over the
// file, that over the default.
//
// It knows the flags that all programs share ([Common]); those of one program are that program's.
package config
