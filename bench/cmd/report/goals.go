// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path"
	"strings"
)

// goal is what a metric ought to be. It is no assertion: what is measured depends on the machine, ratios less so.
type goal struct {
	// area and benchmark (a pattern of package path) say whose metric it is.
	area, benchmark, metric string
	// least or most: one of them is not zero.
	least, most float64
	// flux is what Flux's controllers were measured at on a machine of two cores; zero: nobody has.
	flux float64
}

// allGoals are those of which a report tells. Times are milliseconds, memory is MiB, others are ratios.
func allGoals() []goal {
	return []goal{
		{area: "updating", benchmark: "SteadyState/*", metric: "busy/go-git", least: 200},
		{area: "updating", benchmark: "SteadyState/*", metric: "quiet/go-git", least: 200},
		{area: "updating", benchmark: "SteadyState/*", metric: "busy/git", least: 25},
		{area: "updating", benchmark: "SteadyState/*", metric: "quiet/git", least: 25},
		{area: "updating", benchmark: "SteadyState/*", metric: "peak-rss-MiB", most: 176, flux: 176},
		{area: "updating", benchmark: "Loop/*/one-file", metric: "webhook-median-ms", most: 100, flux: 200},
		{area: "updating", benchmark: "Loop/*/one-file", metric: "request-median-ms", most: 100, flux: 200},
		{area: "updating", benchmark: "Loop/*/20000-files-*", metric: "webhook-median-ms", most: 200, flux: 8600},
		{area: "updating", benchmark: "Loop/*/20000-files-*", metric: "request-median-ms", most: 200, flux: 8600},
		{area: "updating", benchmark: "Loop/trio/20000-files-*", metric: "peak-rss-MiB", most: 176, flux: 176},
		{area: "cli", benchmark: "Command", metric: "version-median-ms", most: 20},
		{area: "cli", benchmark: "Command", metric: "get-median-ms", most: 50},
	}
}

// goals are the benchmark's, by metric.
func (b *benchmark) goals() map[string]goal {
	name := b.name
	if end := strings.LastIndexByte(name, '-'); end >= 0 && strings.Trim(name[end+1:], "0123456789") == "" {
		name = name[:end] // the number of processors
	}
	found := map[string]goal{}
	for _, g := range allGoals() {
		if matched, err := path.Match(g.benchmark, name); err == nil && matched && g.area == b.area() && len(b.values[g.metric]) > 0 {
			found[g.metric] = g
		}
	}
	return found
}

// judge says what the goal is and whether a value meets it.
func (g goal) judge(value float64) string {
	text, met := "at least "+figure(g.least), value >= g.least
	if g.most > 0 {
		text, met = "at most "+figure(g.most), value <= g.most
	}
	if g.flux > 0 {
		text += " (Flux: " + figure(g.flux) + ")"
	}
	if !met {
		return text + ": not met"
	}
	return text + ": met"
}
