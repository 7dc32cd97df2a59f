// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger lets etcd, which logs with zap, log errors to a slog.Logger. What it says below that is of use to an operator
// of a cluster, and only confuses one of a service.
func zapLogger(logger *slog.Logger) *zap.Logger {
	return zap.New(&slogCore{logger: logger})
}

type slogCore struct {
	logger *slog.Logger
}

func (c *slogCore) Enabled(level zapcore.Level) bool { return level >= zapcore.ErrorLevel }

func (c *slogCore) With(fields []zapcore.Field) zapcore.Core {
	return &slogCore{logger: c.logger.With(attributes(fields)...)}
}

// freshStoreNoise is what every new etcd says once, half a second before it is untrue: its first term is not yet on disk
// when it looks for it.
const freshStoreNoise = "failed to update storage version"

func (c *slogCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) && entry.Message != freshStoreNoise {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c *slogCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	c.logger.With(attributes(fields)...).Log(context.Background(), slog.LevelError, "etcd: "+entry.Message)
	return nil
}

func (c *slogCore) Sync() error { return nil }

func attributes(fields []zapcore.Field) []any {
	encoder := zapcore.NewMapObjectEncoder()
	for _, field := range fields {
		field.AddTo(encoder)
	}
	attrs := make([]any, 0, len(encoder.Fields))
	for name, value := range encoder.Fields {
		attrs = append(attrs, slog.Any(name, value))
	}
	return attrs
}
