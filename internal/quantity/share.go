package quantity

import (
	"fmt"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
)

// Share is a part of a whole, 0% to 100% in steps of 0.01%. Shares compare
// with ==. The zero value means "not set", which is not 0%.
type Share struct {
	hundredths uint16 // of a percent, 0 to wholeShare
	set        bool
}

const wholeShare = 100 * 100

var shareForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,2}))?%$`)

// ParseShare reads a number with up to two decimals and a percent sign, without
// a space or sign: 10%, 2.5%.
func ParseShare(s string) (Share, error) {
	found := shareForm.FindStringSubmatch(s)
	if found == nil {
		return Share{}, fmt.Errorf("%q is not a share: write a number from 0 to 100 with at most two decimals and a percent sign, such as 10%% or 2.5%%%s",
			s, didYouMean(meantShare(s)))
	}
	hundredths, err := strconv.Atoi(found[1] + (found[2] + "00")[:2])
	if err != nil || hundredths > wholeShare {
		return Share{}, fmt.Errorf("share %q is more than the whole: the limit is 100%%", s)
	}
	return Share{hundredths: uint16(hundredths), set: true}, nil
}

var looseShare = regexp.MustCompile(`^\s*(100|[1-9]?[0-9](?:\.[0-9]{1,2})?)\s*(?:%|pct|percent)?\s*$`)

// meantShare returns the literal nearest to s, or "" when nothing is. A bare
// 0.1 gives none: it could be 10% as well.
func meantShare(s string) string {
	found := looseShare.FindStringSubmatch(s)
	if found == nil || strings.Trim(s, " 0123456789") == "." {
		return ""
	}
	return found[1] + "%"
}

// IsZero reports whether s is not set; 0% is set.
func (s Share) IsZero() bool { return s == Share{} }

// Percent returns s in percent, 0 to 100.
func (s Share) Percent() float64 { return float64(s.hundredths) / 100 }

// Of returns s of total, rounded down. total must not be negative; it may be
// any unit.
func (s Share) Of(total int64) int64 {
	high, low := bits.Mul64(uint64(max(total, 0)), uint64(s.hundredths))
	part, _ := bits.Div64(high, low, wholeShare)
	return int64(part)
}

// String returns the shortest text that [ParseShare] reads as s; "" when s is
// not set.
func (s Share) String() string {
	if !s.set {
		return ""
	}
	text := fmt.Sprintf("%d.%02d", s.hundredths/100, s.hundredths%100)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "%"
}

// MarshalText returns [Share.String].
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is [ParseShare], except that the empty text gives the zero
// value.
func (s *Share) UnmarshalText(text []byte) error {
	return unmarshal(s, text, ParseShare)
}
