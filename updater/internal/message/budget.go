// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package message

import (
	"fmt"
	"reflect"
)

const (
	// maxSteps bounds the turns of loops and the calls of templates and functions.
	maxSteps = 200_000
	// maxWork bounds the weight of all arguments and answers of functions.
	maxWork = 64 << 20
	// maxWeight bounds the arguments of one call, or its answer: data of some
	// thousand changes.
	maxWeight = 1 << 20
	// maxString and maxList bound what a function makes of less.
	maxString = 256 << 10
	maxList   = 10_000
	maxCount  = 1 << 40
)

// budget is what one rendering has used up.
type budget struct{ steps, work int }

// step counts one step. It prints nothing.
func (b *budget) step() (string, error) {
	if b.steps++; b.steps > maxSteps {
		return "", fmt.Errorf("%w: more than %d steps", ErrLimit, maxSteps)
	}
	return "", nil
}

// spend counts a value.
func (b *budget) spend(weight int) error {
	if weight > maxWeight {
		return fmt.Errorf("%w: a value of more than %d bytes", ErrLimit, maxWeight)
	}
	if b.work += weight; b.work > maxWork {
		return fmt.Errorf("%w: its functions read and write more than %d bytes", ErrLimit, maxWork)
	}
	return nil
}

var errorType = reflect.TypeFor[error]()

// bound makes a function count: itself, its arguments and its answer.
func (b *budget) bound(name string, f any) any {
	fn := reflect.ValueOf(f)
	in := make([]reflect.Type, fn.Type().NumIn())
	for i := range in {
		in[i] = fn.Type().In(i)
	}
	wrapped := reflect.FuncOf(in, []reflect.Type{fn.Type().Out(0), errorType}, fn.Type().IsVariadic())
	return reflect.MakeFunc(wrapped, func(args []reflect.Value) []reflect.Value {
		answer, err := b.call(fn, args)
		if err != nil {
			return []reflect.Value{reflect.Zero(fn.Type().Out(0)), reflect.ValueOf(fmt.Errorf("%s: %w", name, err))}
		}
		return []reflect.Value{answer, reflect.Zero(errorType)}
	}).Interface()
}

func (b *budget) call(fn reflect.Value, args []reflect.Value) (reflect.Value, error) {
	if _, err := b.step(); err != nil {
		return reflect.Value{}, err
	}
	total := 0
	for _, arg := range args {
		total += weigh(arg, maxWeight+1-total)
	}
	if err := b.spend(total); err != nil {
		return reflect.Value{}, err
	}
	var out []reflect.Value
	if fn.Type().IsVariadic() {
		out = fn.CallSlice(args)
	} else {
		out = fn.Call(args)
	}
	if len(out) == 2 && !out[1].IsNil() {
		if err, ok := out[1].Interface().(error); ok {
			return reflect.Value{}, err
		}
	}
	return out[0], b.spend(weigh(out[0], maxWeight+1))
}

// weigh adds up the bytes of a value and all within it, as often as it occurs. It
// stops at the limit, so it ends on values that contain themselves.
func weigh(v reflect.Value, limit int) int {
	if limit <= 0 || !v.IsValid() {
		return 0
	}
	const each = 8
	total := each
	switch v.Kind() { //nolint:exhaustive // all others are of fixed size
	case reflect.String:
		total += v.Len()
	case reflect.Interface, reflect.Pointer:
		total += weigh(v.Elem(), limit-total)
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len() && total < limit; i++ {
			total += weigh(v.Index(i), limit-total)
		}
	case reflect.Map:
		for items := v.MapRange(); total < limit && items.Next(); {
			total += weigh(items.Key(), limit-total)
			total += weigh(items.Value(), limit-total)
		}
	case reflect.Struct:
		for i := 0; i < v.NumField() && total < limit; i++ {
			total += weigh(v.Field(i), limit-total)
		}
	}
	return total
}
