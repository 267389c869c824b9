package quantity

import (
	"math"
	"testing"
)

func TestParseShare(t *testing.T) {
	for text, want := range map[string]struct {
		percent float64
		text    string
	}{
		"0%":     {0, "0%"},
		"10%":    {10, "10%"},
		"2.5%":   {2.5, "2.5%"},
		"2.50%":  {2.5, "2.5%"},
		"0.05%":  {0.05, "0.05%"},
		"33.33%": {33.33, "33.33%"},
		"100%":   {100, "100%"},
	} {
		got, err := ParseShare(text)
		if err != nil || got.Percent() != want.percent || got.String() != want.text || got.IsZero() {
			t.Errorf("ParseShare(%q) = %s (%v), %v; want %s (%v)", text, got, got.Percent(), err, want.text, want.percent)
		}
	}
}

func TestParseShareErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":            "write a number from 0 to 100 with at most two decimals and a percent sign",
		"10":          "did you mean 10%?",
		"10 %":        "did you mean 10%?",
		"10pct":       "did you mean 10%?",
		"0.1":         "is not a share",
		"2.125%":      "is not a share",
		"010%":        "is not a share",
		"-1%":         "is not a share",
		"%":           "is not a share",
		"10GiB":       "is not a share",
		"150":         "is not a share",
		"100.01%":     "is more than the whole: the limit is 100%",
		"150%":        "is more than the whole",
		"9999999999%": "is not a share",
		"10%%":        "is not a share",
	} {
		got, err := ParseShare(text)
		checkError(t, text, got, err, want)
	}
}

func TestShareOf(t *testing.T) {
	for _, c := range []struct {
		share string
		total int64
		want  int64
	}{
		{"10%", 1000, 100},
		{"10%", 9, 0},
		{"33.33%", 10_000, 3333},
		{"0%", 1000, 0},
		{"100%", math.MaxInt64, math.MaxInt64},
		{"50%", math.MaxInt64, math.MaxInt64 / 2},
		{"10%", -1000, 0},
	} {
		share, err := ParseShare(c.share)
		if err != nil {
			t.Fatal(err)
		}
		if got := share.Of(c.total); got != c.want {
			t.Errorf("%s of %d = %d, want %d", share, c.total, got, c.want)
		}
	}
}
