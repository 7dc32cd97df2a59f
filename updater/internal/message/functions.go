// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package message

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// allowed are the functions of sprig that depend on nothing but their arguments.
// Not among them: the clock and time zones, randomness, the environment, the
// network, keys and passwords, and what answers in the random order of a map.
const allowed = `
	abbrev abbrevboth trunc trim upper lower title untitle substr trimall trimAll trimSuffix
	trimPrefix nospace initials swapcase snakecase camelcase kebabcase wrap contains hasPrefix
	hasSuffix quote squote cat plural sha1sum sha256sum sha512sum adler32sum toString
	atoi int64 int float64 toDecimal split splitList splitn toStrings
	add1 add sub div mod mul add1f addf subf divf mulf biggest max min maxf minf ceil floor round
	sortAlpha default empty coalesce all any compact mustCompact
	fromJson toJson toPrettyJson toRawJson mustFromJson mustToJson mustToPrettyJson mustToRawJson
	ternary typeOf typeIs typeIsLike kindOf kindIs deepEqual base dir clean ext isAbs
	b64enc b64dec b32enc b32dec tuple list dict get set unset hasKey pluck pick omit
	append push mustAppend mustPush prepend mustPrepend first mustFirst rest mustRest last mustLast
	initial mustInitial reverse mustReverse has mustHas
	slice mustSlice concat dig chunk mustChunk semver semverCompare fail
	regexQuoteMeta urlParse urlJoin`

// functions returns the functions of one rendering: each counts against b.
func (b *budget) functions() template.FuncMap {
	generic := sprig.GenericFuncMap()
	funcs := make(template.FuncMap)
	for _, name := range strings.Fields(allowed) {
		if f, ok := generic[name]; ok {
			funcs[name] = b.bound(name, f)
		}
	}
	for _, name := range []string{"uniq", "mustUniq", "without", "mustWithout"} {
		funcs[name] = b.bound(name, short(generic[name]))
	}
	for name, f := range own() {
		funcs[name] = b.bound(name, f)
	}
	for name, f := range expressions() {
		funcs[name] = b.bound(name, f)
	}
	funcs[stepName] = b.step
	return funcs
}

// own are functions whose answer can be far larger than their arguments, or in
// no order: sprig's, and those of text/template itself.
func own() template.FuncMap {
	return template.FuncMap{
		"repeat": func(count int, s string) (string, error) {
			if count < 0 || count*max(len(s), 1) > maxString || count > maxString {
				return "", tooLarge("repeat")
			}
			return strings.Repeat(s, count), nil
		},
		"indent":  indent,
		"nindent": func(spaces int, s string) (string, error) { s, err := indent(spaces, s); return "\n" + s, err },
		"replace": func(old, with, s string) (string, error) {
			if len(s)+strings.Count(s, old)*len(with) > maxString {
				return "", tooLarge("replace")
			}
			return strings.ReplaceAll(s, old, with), nil
		},
		"join":      join,
		"until":     func(count int) ([]int, error) { return sequence(0, count, sign(count)) },
		"untilStep": sequence,
		"keys":      keys,
		"values":    values,
		"printf":    printf,
		"print":     fmt.Sprint,
		"println":   fmt.Sprintln,
		"html":      template.HTMLEscaper,
		"js":        template.JSEscaper,
		"urlquery":  template.URLQueryEscaper,
	}
}

// maxPairs bounds the lists of functions that compare each item with each.
const maxPairs = 1000

// short makes a function refuse longer lists as its first argument.
func short(f any) any {
	fn := reflect.ValueOf(f)
	return reflect.MakeFunc(fn.Type(), func(args []reflect.Value) []reflect.Value {
		list := args[0]
		for list.Kind() == reflect.Interface {
			list = list.Elem()
		}
		if list.Kind() == reflect.Slice && list.Len() > maxPairs {
			panic(fmt.Errorf("%w: a list of more than %d items", ErrLimit, maxPairs))
		}
		if fn.Type().IsVariadic() {
			return fn.CallSlice(args)
		}
		return fn.Call(args)
	}).Interface()
}

func tooLarge(name string) error {
	return fmt.Errorf("%w: the answer of %s is too large", ErrLimit, name)
}

func indent(spaces int, s string) (string, error) {
	if spaces < 0 || spaces > 1000 || len(s)+(strings.Count(s, "\n")+1)*spaces > maxString {
		return "", tooLarge("indent")
	}
	pad := strings.Repeat(" ", spaces)
	return pad + strings.ReplaceAll(s, "\n", "\n"+pad), nil
}

// join prints the items of a list with a separator between them.
func join(separator string, list any) (string, error) {
	items := []string{}
	if v := reflect.ValueOf(list); v.IsValid() && (v.Kind() == reflect.Slice || v.Kind() == reflect.Array) {
		for i := range v.Len() {
			if item := v.Index(i).Interface(); item != nil {
				items = append(items, fmt.Sprint(item))
			}
		}
	} else {
		items = append(items, fmt.Sprint(list))
	}
	size := 0
	for _, item := range items {
		if size += len(item) + len(separator); size > maxString {
			return "", tooLarge("join")
		}
	}
	return strings.Join(items, separator), nil
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}

// sequence counts from start to stop, without stop.
func sequence(start, stop, step int) ([]int, error) {
	list := []int{}
	if step == 0 || (stop < start) != (step < 0) {
		return list, nil
	}
	for i := start; (step > 0 && i < stop) || (step < 0 && i > stop); i += step {
		if len(list) == maxList || i > maxCount || i < -maxCount {
			return nil, tooLarge("until")
		}
		list = append(list, i)
	}
	return list, nil
}

// keys returns the keys of all the maps, sorted.
func keys(dicts ...map[string]any) []string {
	var all []string
	for _, d := range dicts {
		all = slices.AppendSeq(all, maps.Keys(d))
	}
	slices.Sort(all)
	return all
}

// values returns the values of a map in the order of its keys.
func values(dict map[string]any) []any {
	list := make([]any, 0, len(dict))
	for _, key := range slices.Sorted(maps.Keys(dict)) {
		list = append(list, dict[key])
	}
	return list
}

// printf is fmt.Sprintf, but for wide columns.
func printf(format string, args ...any) (string, error) {
	width := 0
	for i := range len(format) {
		c := format[i]
		if c == '*' && i > 0 && format[i-1] != '%' || strings.HasSuffix(format[:i+1], "%*") {
			return "", fmt.Errorf("%w: printf takes no width from an argument", ErrLimit)
		}
		if c < '0' || c > '9' {
			width = 0
			continue
		}
		if width++; width > 3 && strings.IndexByte(format[:i], '%') >= 0 {
			return "", fmt.Errorf("%w: printf takes no width of more than 3 digits", ErrLimit)
		}
	}
	return fmt.Sprintf(format, args...), nil
}
