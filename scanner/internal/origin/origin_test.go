// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
)

var began = time.Date(2026, 11, 21, 12, 0, 0, 123e6, time.UTC)

func scans(n int) Scans {
	random := rand.New(rand.NewPCG(1, 2))
	var all Scans
	for i := range n {
		one := Scan{Trigger: Trigger(1 + i%6), Time: began.Add(time.Duration(i) * time.Minute)}
		if one.Trigger == Webhook {
			one.Receiver = fmt.Sprintf("flux-system/hook-%d", i%3)
		}
		for j := range one.TraceID {
			one.TraceID[j] = byte(random.Uint32())
		}
		all = all.With(one)
	}
	return all
}

func TestScansSurviveTheStore(t *testing.T) {
	for name, want := range map[string]Scans{
		"none": {}, "one": scans(1), "all": scans(Max),
		"back in time, as another replica's clock may go": {{Time: began}, {Time: began.Add(-time.Hour), TraceID: trace.TraceID{1}}},
	} {
		got, err := Decode(want.Encode())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got): %s", name, diff)
		}
	}
}

func TestOnlyTheLastScansAreRememberedInLittleRoom(t *testing.T) {
	all := scans(5 * Max)
	if len(all) != Max || !all[Max-1].Time.Equal(began.Add((5*Max-1)*time.Minute)) {
		t.Errorf("%d scans up to %v", len(all), all[len(all)-1].Time)
	}
	if size := len(all.Encode()); size > 6<<10 {
		t.Errorf("they take %d bytes", size)
	}
	before := all.Encode()
	all.With(Scan{Time: began})
	if !bytes.Equal(before, all.Encode()) {
		t.Error("With changes its receiver")
	}
}

func TestScanOfATag(t *testing.T) {
	all := Scans{{Time: began, Trigger: First}, {Time: began.Add(time.Millisecond), Trigger: Webhook}, {Time: began, Trigger: Retry}}
	for _, tt := range []struct {
		at   time.Time
		want Trigger
	}{
		{began, Retry}, {began.Add(time.Millisecond), Webhook}, {began.Add(2 * time.Millisecond), Unknown}, {time.Time{}, Unknown},
	} {
		if got, ok := all.Of(tt.at); got.Trigger != tt.want || ok != (tt.want != Unknown) {
			t.Errorf("at %v: %v, %v", tt.at, got, ok)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(scans(3).Encode())
	f.Add(Scans{}.Encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stored []byte) {
		got, err := Decode(stored)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) || got != nil {
				t.Errorf("%v, %v", got, err)
			}
			return
		}
		again, err := Decode(got.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Error(diff)
		}
	})
}
