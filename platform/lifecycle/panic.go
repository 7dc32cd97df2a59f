// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic that was caught. It wraps nothing: a panic is a defect, whatever error it was called with.
type PanicError struct {
	// Value is what panic was called with.
	Value any
	stack string
}

// Error is the panic's value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Stack is the stack of the goroutine that panicked, as the runtime prints it.
func (e *PanicError) Stack() string { return e.stack }

// Guard calls run and returns a [*PanicError] if it panics. It cannot catch panics of goroutines that run starts.
func Guard(run func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, stack: string(debug.Stack())}
		}
	}()
	return run()
}
