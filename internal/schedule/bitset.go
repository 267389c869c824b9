package schedule

import "math/bits"

// bitset is a set of small numbers, 0 to 63.
type bitset uint64

// next returns the least member from low on, and whether there is one.
func (s bitset) next(low int) (int, bool) {
	s = s >> low << low
	return bits.TrailingZeros64(uint64(s)), s != 0 && low < 64
}

// prev returns the greatest member up to high, and whether there is one.
func (s bitset) prev(high int) (int, bool) {
	if high < 0 {
		return 0, false
	}
	s = s << (63 - high) >> (63 - high)
	return bits.Len64(uint64(s)) - 1, s != 0
}

func (s bitset) has(v int) bool { return s>>v&1 == 1 }

// bitsetOf returns the values of the terms; with no terms, all of the field.
// With fromEnd a step runs towards the end of the month, so towards 1.
func bitsetOf(list []term, f field, fromEnd bool) bitset {
	var s bitset
	if len(list) == 0 {
		list = []term{{f.min, none, 1}}
	}
	for _, t := range list {
		if fromEnd {
			s |= countdown(t)
			continue
		}
		for v, ok := t.next(f.min, f.max); ok; v, ok = t.next(v+1, f.max) {
			s |= 1 << v
		}
	}
	return s
}

// countdown returns the values of a term that counts days from the end of the
// month: a range begins at its far end, a repetition runs to the last day.
func countdown(t term) bitset {
	far, near := t.start, 1
	switch {
	case t.step == 0:
		return 1 << t.start
	case t.stop != none:
		far, near = t.stop, t.start
	}
	var s bitset
	for v := far; v >= near; v -= t.step {
		s |= 1 << v
	}
	return s
}

// yearSet is a set of years from minYear to maxYear.
type yearSet [(maxYear-minYear)/64 + 1]bitset

func yearSetOf(list []term) yearSet {
	var s yearSet
	if len(list) == 0 {
		list = []term{{minYear, none, 1}}
	}
	for _, t := range list {
		for v, ok := t.next(minYear, maxYear); ok; v, ok = t.next(v+1, maxYear) {
			s[(v-minYear)/64] |= 1 << ((v - minYear) % 64)
		}
	}
	return s
}

func (s yearSet) has(year int) bool {
	i := year - minYear
	return s[i/64].has(i % 64)
}
