// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package diff

// maxTable is how large the table of the longest common subsequence may be: 16 MiB.
const maxTable = 4 << 20

// fewest are the changes that keep as many lines as can be: all but the longest common subsequence (Wagner and Fischer, The
// string-to-string correction problem, 1974).
func fewest(a, b []string) []change {
	// kept[i][j] is how many lines a[i:] and b[j:] can keep.
	width := len(b) + 1
	kept := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				kept[i*width+j] = kept[(i+1)*width+j+1] + 1
			} else {
				kept[i*width+j] = max(kept[(i+1)*width+j], kept[i*width+j+1])
			}
		}
	}
	var all []change
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		if i < len(a) && j < len(b) && a[i] == b[j] {
			i, j = i+1, j+1
			continue
		}
		c := change{a0: i, b0: j}
		for (i < len(a) || j < len(b)) && (i == len(a) || j == len(b) || a[i] != b[j]) {
			if j == len(b) || (i < len(a) && kept[(i+1)*width+j] >= kept[i*width+j+1]) {
				i++
			} else {
				j++
			}
		}
		c.a1, c.b1 = i, j
		all = append(all, c)
	}
	return all
}
