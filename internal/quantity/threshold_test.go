package quantity

import "testing"

func TestParseThreshold(t *testing.T) {
	for text, want := range map[string]int64{ // of 1000 GiB
		"10%":   100 << 30,
		"0%":    0,
		"10GiB": 10 << 30,
		"2TiB":  2 << 40,
	} {
		got, err := ParseThreshold(text)
		if err != nil || got.String() != text || got.IsZero() || got.Bytes(1000<<30) != want {
			t.Errorf("ParseThreshold(%q) = %s, %d bytes, %v; want %d bytes", text, got, got.Bytes(1000<<30), err, want)
		}
	}
}

func TestParseThresholdErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":         "is neither a share nor a size",
		"lots":     "is neither a share nor a size",
		"10":       "did you mean 10%?",
		"1000":     "is neither a share nor a size",
		"10G":      "did you mean 10GiB?",
		"10 %":     "did you mean 10%?",
		"10pct":    "did you mean 10%?",
		"150%":     "is more than the whole",
		"0B":       "is zero",
		"1.5B":     "is not a size",
		"9999PiB":  "is too large",
		"10%10GiB": "is neither a share nor a size",
	} {
		got, err := ParseThreshold(text)
		checkError(t, text, got, err, want)
	}
}

func TestThresholdIsZero(t *testing.T) {
	var unset Threshold
	if !unset.IsZero() || unset.String() != "" || unset.Bytes(1000) != 0 {
		t.Errorf("zero Threshold: IsZero %t, %q, %d bytes", unset.IsZero(), unset, unset.Bytes(1000))
	}
}
