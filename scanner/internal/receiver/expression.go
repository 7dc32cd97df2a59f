// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

// costLimit bounds one evaluation in CEL's units, about a comparison each: some milliseconds.
const costLimit = 200_000

// expression is a compiled CEL expression.
type expression struct{ program cel.Program }

// vocabulary are the names that an expression may use; each is a map.
type vocabulary func() (*cel.Env, error)

// filterWords are `res` and `req`, claimWords `claims` and `vars`.
func filterWords() vocabulary { return filterEnv }
func claimWords() vocabulary  { return claimEnv }

// An environment takes some milliseconds to make and never changes.
var (
	filterEnv = sync.OnceValues(func() (*cel.Env, error) { return environment("res", "req") })
	claimEnv  = sync.OnceValues(func() (*cel.Env, error) { return environment("claims", "vars") })
)

func environment(names ...string) (*cel.Env, error) {
	options := make([]cel.EnvOption, 0, 4+len(names))
	options = append(options, ext.Strings(), ext.Encoders(), end("first", 0), end("last", -1))
	for _, name := range names {
		options = append(options, cel.Variable(name, cel.MapType(cel.StringType, cel.DynType)))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("making the CEL environment: %w", err)
	}
	return env, nil
}

// end is Flux's function that gives the first or last element of a list; of an empty one there is none.
func end(name string, at int) cel.EnvOption {
	element := cel.TypeParamType("T")
	return cel.Function(name, cel.MemberOverload("list_"+name, []*cel.Type{cel.ListType(element)}, element,
		cel.UnaryBinding(func(value ref.Val) ref.Val {
			list, ok := value.(traits.Lister)
			if !ok {
				return types.MaybeNoSuchOverloadErr(value)
			}
			size, ok := list.Size().(types.Int)
			if !ok || size == 0 {
				return types.NewErr("%s() of an empty list", name)
			}
			if at < 0 {
				return list.Get(size - 1)
			}
			return list.Get(types.Int(at))
		})))
}

// compile makes an expression; condition says that it must answer with true or false.
func compile(words vocabulary, text string, condition bool) (expression, error) {
	env, err := words()
	if err != nil {
		return expression{}, err
	}
	ast, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return expression{}, fmt.Errorf("is no CEL expression: %w", err)
	}
	if kind := ast.OutputType(); condition && !kind.IsExactType(cel.BoolType) && !kind.IsExactType(cel.DynType) {
		return expression{}, fmt.Errorf("answers with a value of type %s, and true or false is needed", kind)
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(256))
	if err != nil {
		return expression{}, fmt.Errorf("is no CEL expression: %w", err)
	}
	return expression{program: program}, nil
}

// evaluate returns the value in Go's own types where CEL's have one.
func (e expression) evaluate(ctx context.Context, over map[string]any) (any, error) {
	value, _, err := e.program.ContextEval(ctx, over)
	if err != nil {
		return nil, fmt.Errorf("evaluating: %w", err)
	}
	if native, err := value.ConvertToNative(reflect.TypeFor[any]()); err == nil {
		return native, nil
	}
	return value, nil
}

var errNotCondition = errors.New("the expression answers with neither true nor false")

func (e expression) holds(ctx context.Context, over map[string]any) (bool, error) {
	value, _, err := e.program.ContextEval(ctx, over)
	if err != nil {
		return false, fmt.Errorf("evaluating: %w", err)
	}
	truth, ok := value.(types.Bool)
	if !ok {
		return false, errNotCondition
	}
	return bool(truth), nil
}
