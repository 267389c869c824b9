package quantity

import (
	"math"
	"testing"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]struct {
		size Size
		text string
	}{
		"1B":                   {1, "1B"},
		"10GiB":                {10 << 30, "10GiB"},
		"1.5GiB":               {3 << 29, "1.5GiB"},
		"1.0TiB":               {1 << 40, "1TiB"},
		"1.2TiB":               {1319413953331, "1.2TiB"},
		"1.1KiB":               {1126, "1.1KiB"},
		"1024MiB":              {1 << 30, "1GiB"},
		"1536MiB":              {3 << 29, "1.5GiB"},
		"0.5GiB":               {1 << 29, "512MiB"},
		"1025B":                {1025, "1025B"},
		"8191.9PiB":            {9223259446864091546, "8191.9PiB"},
		"9223372036854775807B": {math.MaxInt64, "9223372036854775807B"},
	} {
		got, err := ParseSize(text)
		if err != nil || got != want.size || got.String() != want.text {
			t.Errorf("ParseSize(%q) = %d (%s), %v; want %d (%s)", text, got, got, err, want.size, want.text)
		}
	}
}

func TestParseSizeErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "write a number and one unit",
		"10":                   "such as 10GiB or 1.5TiB",
		"10GB":                 "did you mean 10GiB?",
		"10G":                  "did you mean 10GiB?",
		"10g":                  "did you mean 10GiB?",
		"10Gi":                 "did you mean 10GiB?",
		"10 GiB":               "did you mean 10GiB?",
		"10gib":                "did you mean 10GiB?",
		"1.5T":                 "did you mean 1.5TiB?",
		"512b":                 "did you mean 512B?",
		"1.5B":                 "is not a size",
		"1.25GiB":              "is not a size",
		"010GiB":               "is not a size",
		"-1GiB":                "is not a size",
		"+1GiB":                "is not a size",
		".5GiB":                "is not a size",
		"1.GiB":                "is not a size",
		"GiB":                  "is not a size",
		"1EiB":                 "is not a size",
		"10%":                  "is not a size",
		"0B":                   "is zero: it must be at least 1B",
		"0.0GiB":               "is zero",
		"8192PiB":              "is too large: it must be less than 8192PiB",
		"9223372036854775808B": "is too large",
		"99999999999999999TiB": "is too large",
	} {
		got, err := ParseSize(text)
		checkError(t, text, got, err, want)
	}
}

func TestSizeHuman(t *testing.T) {
	for size, want := range map[Size]string{
		0:                 "0 B",
		1:                 "1 B",
		1023:              "1023 B",
		1024:              "1 KiB",
		1536:              "1.5 KiB",
		812 << 20:         "812 MiB",
		1319413953331:     "1.2 TiB",
		10<<30 - 1:        "10 GiB",
		1<<30 - 1:         "1 GiB",
		1023<<20 + 1<<19:  "1 GiB",
		100<<20 - 20<<10:  "100 MiB",
		100<<20 + 700<<10: "101 MiB",
		-(3 << 29):        "-1.5 GiB",
		math.MaxInt64:     "8192 PiB",
		math.MinInt64:     "-8192 PiB",
	} {
		if got := size.Human(); got != want {
			t.Errorf("Size(%d).Human() = %q, want %q", size, got, want)
		}
	}
}
