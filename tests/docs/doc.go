// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package docs keeps the documentation true: it runs every command of the tutorial and the recipes with the real
// program, in order, in an empty folder, and compares what they print with what the page shows. It also follows the
// links of all pages, asks the program whether the verbs and flags that they name exist, has the services check the
// manifests that they show, and looks for the messages of the troubleshooting page in the source. It is no place to test what
// the program does.
//
// What a page is made of:
//
//   - A block fenced as `console` is run: a line that begins with "$ " is a command of a shell (a backslash at its end goes
//     on with the next line), and the lines below it are what it prints, on both streams.
//   - `console wait` is run again and again until it prints what is shown; `console exit=1` must fail so.
//   - `console terminal` is a command that goes on running, in a terminal of its own, until the page's end.
//   - A block of another language with file=PATH is saved as that file first. Other blocks are for reading.
//
// In the lines shown, "…" stands for anything, and for any number of lines where it is a line of its own. Times, durations,
// ids of commits and traces, and you@laptop stand for any of their kind; the addresses of the pages are replaced by
// free ones. Set TIDEMARK_DOCS_WRITE=1 to have the pages rewritten where they are wrong; read the difference.
package docs
