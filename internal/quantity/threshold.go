package quantity

import (
	"cmp"
	"fmt"
	"strings"
)

// Threshold is a limit that a policy gives as a share of a whole or as a size,
// such as min_free = "10%" or "10GiB". At most one field is set; the zero value
// means "not set", which is not 0%.
type Threshold struct {
	Share Share
	Size  Size
}

// ParseThreshold reads what [ParseShare] or [ParseSize] reads.
func ParseThreshold(s string) (Threshold, error) {
	if strings.HasSuffix(strings.TrimSpace(s), "%") {
		share, err := ParseShare(s)
		return Threshold{Share: share}, err
	}
	if sizeForm.MatchString(s) {
		size, err := ParseSize(s)
		return Threshold{Size: size}, err
	}
	return Threshold{}, fmt.Errorf("%q is neither a share nor a size: write a percentage such as 10%%, or a number and a unit, B to PiB, such as 10GiB%s",
		s, didYouMean(cmp.Or(meantSize(s), meantShare(s))))
}

// IsZero reports whether t is not set; 0% is set.
func (t Threshold) IsZero() bool { return t == Threshold{} }

// Bytes returns the threshold in bytes for a whole of total bytes. A share is
// rounded down; a size does not depend on total and may exceed it.
func (t Threshold) Bytes(total int64) int64 {
	if t.Share.IsZero() {
		return int64(t.Size)
	}
	return t.Share.Of(total)
}

// String returns the text that [ParseThreshold] reads; "" when t is not set.
func (t Threshold) String() string { return t.Share.String() + t.Size.String() }

// MarshalText returns [Threshold.String]. A threshold with both fields set, or
// a negative size, is an error.
func (t Threshold) MarshalText() ([]byte, error) {
	if !t.Share.IsZero() && !t.Size.IsZero() {
		return nil, fmt.Errorf("encode threshold: both %s and %s are set", t.Share, t.Size)
	}
	if t.Share.IsZero() {
		return t.Size.MarshalText()
	}
	return t.Share.MarshalText()
}

// UnmarshalText is [ParseThreshold], except that the empty text gives the zero
// value.
func (t *Threshold) UnmarshalText(text []byte) error {
	return unmarshal(t, text, ParseThreshold)
}
