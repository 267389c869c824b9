package quantity

import (
	"encoding"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type document struct {
	Age   Duration  `json:"age"`
	Size  Size      `json:"size"`
	Share Share     `json:"share"`
	Free  Threshold `json:"free"`
	Max   Threshold `json:"max,omitzero"`
}

var sameShare = cmp.Comparer(func(a, b Share) bool { return a == b })

func TestJSON(t *testing.T) {
	share, err := ParseShare("2.5%")
	if err != nil {
		t.Fatal(err)
	}
	for want, doc := range map[string]document{
		`{"age":"7d","size":"10GiB","share":"2.5%","free":"2.5%","max":"1TiB"}`: {
			Duration{Days: 7}, 10 << 30, share, Threshold{Share: share}, Threshold{Size: 1 << 40},
		},
		`{"age":"","size":"","share":"","free":""}`: {},
	} {
		got, err := json.Marshal(doc)
		if err != nil || string(got) != want {
			t.Errorf("encoded %s, %v; want %s", got, err, want)
		}
		back := document{Age: Duration{Hours: 1}, Size: 1, Share: share, Free: Threshold{Size: 1}}
		if err := json.Unmarshal(got, &back); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(doc, back, sameShare); diff != "" {
			t.Errorf("decoded %s (-want +got):\n%s", got, diff)
		}
	}
}

func TestMarshalTextRefusesWhatCannotBeRead(t *testing.T) {
	share, err := ParseShare("10%")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []encoding.TextMarshaler{
		Duration{Days: 1, Hours: 12}, Duration{Hours: -1}, Duration{Days: 1 << 40},
		Size(-1), Threshold{Share: share, Size: 1}, Threshold{Size: -1},
	} {
		if text, err := q.MarshalText(); err == nil {
			t.Errorf("%#v encoded as %q, want an error", q, text)
		}
	}
}

func TestSizeTextSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := Size(rapid.Int64Min(1).Draw(t, "size"))
		if back, err := ParseSize(size.String()); err != nil || back != size {
			t.Fatalf("%d became %s became %d, %v", size, size, back, err)
		}
	})
}

func TestSizeTextSurvivesTenths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := fmt.Sprintf("%d.%d%s", rapid.IntRange(1, 1023).Draw(t, "whole"),
			rapid.IntRange(1, 9).Draw(t, "tenths"), rapid.SampledFrom(sizeUnits[1:]).Draw(t, "unit"))
		if size, err := ParseSize(text); err != nil || size.String() != text {
			t.Fatalf("%s became %s, %v", text, size, err)
		}
	})
}

// FuzzParse feeds every parser the same text: what one accepts must survive its
// own text, and what none accepts must be refused without a panic.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"7d", "1h30m", "10GiB", "1.2TiB", "10 GB", "2.5%", "010%", "1.5B", "", "-", "99999999999999999999PiB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		survives(t, text, ParseDuration)
		survives(t, text, ParseSize)
		survives(t, text, ParseShare)
		survives(t, text, ParseThreshold)
	})
}

type quantity interface {
	comparable
	fmt.Stringer
	encoding.TextMarshaler
	IsZero() bool
}

func survives[T quantity](t *testing.T, text string, parse func(string) (T, error)) {
	q, err := parse(text)
	if err != nil {
		if !q.IsZero() {
			t.Fatalf("%q: %v beside error %v", text, q, err)
		}
		return
	}
	encoded, err := q.MarshalText()
	if err != nil || q.IsZero() || string(encoded) != q.String() {
		t.Fatalf("%q: encoded as %q, %v; zero %t", text, encoded, err, q.IsZero())
	}
	if back, err := parse(string(encoded)); err != nil || back != q {
		t.Fatalf("%q became %q became %v, %v", text, encoded, back, err)
	}
}
