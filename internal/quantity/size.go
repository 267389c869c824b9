package quantity

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Size is a number of bytes as a policy writes it: positive, the zero value
// means "not set". Units are binary: a GiB is 1024 MiB.
type Size int64

// sizeUnits are the units of a size, each 1024 times the one before.
var sizeUnits = []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}

var sizeForm = regexp.MustCompile(`^(0|[1-9][0-9]*)(?:\.([0-9]))?(B|KiB|MiB|GiB|TiB|PiB)$`)

// ParseSize reads a positive number and a unit, B to PiB, without a space or
// sign. The number is whole, or has one decimal; 1.2TiB is the nearest whole
// number of bytes.
func ParseSize(s string) (Size, error) {
	found := sizeForm.FindStringSubmatch(s)
	if found == nil || found[2] != "" && found[3] == "B" {
		return 0, fmt.Errorf("%q is not a size: write a number and one unit, B, KiB, MiB, GiB, TiB or PiB, such as 10GiB or 1.5TiB%s",
			s, didYouMean(meantSize(s)))
	}
	unit := int64(1) << (10 * slices.Index(sizeUnits, found[3]))
	fraction := tenthsOf(unit, found[2])
	whole, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil || whole > math.MaxInt64/unit {
		return 0, fmt.Errorf("size %q is too large: it must be less than 8192PiB", s)
	}
	if whole == 0 && fraction == 0 {
		return 0, fmt.Errorf("size %q is zero: it must be at least 1B", s)
	}
	return Size(whole*unit + fraction), nil
}

// tenthsOf returns digit tenths of unit, rounded; an empty digit is 0.
func tenthsOf(unit int64, digit string) int64 {
	if digit == "" {
		return 0
	}
	return (int64(digit[0]-'0')*unit + 5) / 10
}

// String returns the shortest text that [ParseSize] reads as s, with at most
// one decimal; "" when s is not set.
func (s Size) String() string {
	if s == 0 {
		return ""
	}
	for exponent := len(sizeUnits) - 1; exponent > 0; exponent-- {
		unit := int64(1) << (10 * exponent)
		whole, rest := int64(s)/unit, int64(s)%unit
		digit := strconv.FormatInt((rest*10+unit/2)/unit, 10)
		switch {
		case whole < 1:
		case rest == 0:
			return fmt.Sprintf("%d%s", whole, sizeUnits[exponent])
		case len(digit) == 1 && tenthsOf(unit, digit) == rest:
			return fmt.Sprintf("%d.%s%s", whole, digit, sizeUnits[exponent])
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}

// IsZero reports whether s is not set.
func (s Size) IsZero() bool { return s == 0 }

// MarshalText returns [Size.String]. A negative size is an error, since nothing
// could read the text back.
func (s Size) MarshalText() ([]byte, error) {
	if s < 0 {
		return nil, fmt.Errorf("encode size %d: negative", int64(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText is [ParseSize], except that the empty text gives the zero
// value.
func (s *Size) UnmarshalText(text []byte) error {
	return unmarshal(s, text, ParseSize)
}

// Human returns s rounded for reading, never for parsing: one decimal below
// 100, none above ("1.2 TiB", "812 MiB", "0 B"). A negative size, such as
// a shrinkage, keeps its sign.
func (s Size) Human() string {
	if s < 0 {
		if s == math.MinInt64 {
			s++
		}
		return "-" + (-s).Human()
	}
	for exponent, name := range sizeUnits {
		unit := int64(1) << (10 * exponent)
		whole, rest := int64(s)/unit, int64(s)%unit
		rounded := whole + (rest+unit/2)/unit
		tenths := whole*10 + (rest*10+unit/2)/unit
		switch last := exponent == len(sizeUnits)-1; {
		case rounded >= 1024 && !last:
		case tenths >= 1000 || tenths%10 == 0:
			return fmt.Sprintf("%d %s", rounded, name)
		default:
			return fmt.Sprintf("%d.%d %s", tenths/10, tenths%10, name)
		}
	}
	panic("unreachable: the last unit always returns")
}

var looseSize = regexp.MustCompile(`^\s*(0\.[1-9]|[1-9][0-9]{0,8}(?:\.[0-9])?)\s*([KMGTPkmgtp]?)(?:i?[Bb]|i)?\s*$`)

// meantSize returns the literal nearest to s, or "" when nothing is: 10G, 10GB,
// "10 gib" and 10Gi mean 10GiB. A number without any unit could be anything.
func meantSize(s string) string {
	found := looseSize.FindStringSubmatch(s)
	switch {
	case found == nil || strings.Trim(s, " 0123456789.") == "":
		return ""
	case found[2] != "":
		return found[1] + strings.ToUpper(found[2]) + "iB"
	case strings.Contains(found[1], "."):
		return ""
	}
	return found[1] + "B"
}
