// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// measured collects the whole numbers of a meter by name and labels.
func measured(t *testing.T, reader sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &collected); err != nil {
		t.Fatal(err)
	}
	values := map[string]int64{}
	add := func(name string, points []metricdata.DataPoint[int64]) {
		for _, point := range points {
			values[name+" "+point.Attributes.Encoded(attribute.DefaultEncoder())] = point.Value
		}
	}
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				add(m.Name, data.DataPoints)
			case metricdata.Gauge[int64]:
				add(m.Name, data.DataPoints)
			}
		}
	}
	return values
}

func TestMetricsNameOnlyHostsThatImagesName(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	h, err := New(Config{Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test")})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, h, of("a"), fine)
	ask(t, h, Request{Host: "elsewhere.example", Repository: host + "/a"}, fine) // redirected to
	ask(t, h, of("a"), pleaseWait("60"))
	_ = refused(t, h, of("a"))
	got := measured(t, reader)
	for name, want := range map[string]int64{
		"tidemark.scanner.registry.requests host=" + host + ",outcome=answered": 1,
		"tidemark.scanner.registry.requests host=" + host + ",outcome=limited":  1,
		"tidemark.scanner.registry.requests host=" + host + ",outcome=refused":  1,
		"tidemark.scanner.registry.requests host=other,outcome=answered":        1,
		"tidemark.scanner.registry.hosts state=ok":                              1,
		"tidemark.scanner.registry.hosts state=limited":                         1,
		"tidemark.scanner.registry.hosts state=down":                            0,
		"tidemark.scanner.registry.in_flight host=" + host:                      0,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %d (%t), want %d; all: %v", name, value, ok, want, got)
		}
	}
	for i := range 2 * maxLabels {
		many := fmt.Sprintf("h%d.example", i)
		ask(t, h, Request{Host: many, Repository: many + "/a"}, fine)
	}
	if got := len(h.sum(func(*budget) int64 { return 1 })); got != maxLabels+1 {
		t.Errorf("%d hosts are named, want %d and one for the others", got, maxLabels)
	}
}
