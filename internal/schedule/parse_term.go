package schedule

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxTerms is systemd's limit for the length of one list.
const maxTerms = 241

// parseTerms reads a comma-separated list; a star gives no terms.
func parseTerms(w word, f field) ([]term, error) {
	if w.text == "*" {
		if f == secondField {
			return everySecond, nil
		}
		return nil, nil
	}
	parts := w.splitAny(",")
	if len(parts) > maxTerms {
		return nil, faultAt(w, "use a range such as 1..7 or a step such as 0/5", "the list has more than %d elements", maxTerms)
	}
	list := make([]term, len(parts))
	for i, part := range parts {
		t, err := parseTerm(part, f)
		if err != nil {
			return nil, err
		}
		list[i] = t
	}
	return sortTerms(list), nil
}

// parseTerm reads start[..stop][/step].
func parseTerm(w word, f field) (term, error) {
	if strings.Contains(w.text, "*") {
		return term{}, starFault(w, f)
	}
	span, stepText, hasStep := w.cut("/")
	startText, stopText, isRange := span.cut("..")
	t := term{stop: none}
	var err error
	if t.start, err = f.parse(startText); err != nil {
		return t, err
	}
	if isRange {
		if t.stop, err = f.parse(stopText); err != nil {
			return t, err
		}
		t.step = f.unit
	}
	if hasStep {
		if t.step, err = f.parseStep(stepText); err != nil {
			return t, err
		}
	}
	if f == yearField {
		t.start, t.stop = fullYear(t.start), fullYear(t.stop)
	}
	if f == secondField && isRange && !hasStep && t.start <= t.stop && t.stop-t.start < second {
		return t, faultAt(w, "give a step, such as 0..0.5/0.25", "the range is shorter than a second")
	}
	t = t.normal()
	return t, t.check(w, f)
}

func starFault(w word, f field) error {
	if step, ok := strings.CutPrefix(w.text, "*/"); ok {
		return faultAt(w, fmt.Sprintf("write %s/%s", f.format(f.min, 1), step), "a star takes no step")
	}
	return faultAt(w, "a star already means every "+f.name, "a star stands alone")
}

// fullYear completes a year of two digits, from 1970 to 2069.
func fullYear(year int) int {
	switch {
	case year >= 0 && year < 70:
		return year + 2000
	case year >= 70 && year < 100:
		return year + 1900
	}
	return year
}

// check reports a term that has a value outside of its field, or a range or
// step that can never be.
func (t term) check(w word, f field) error {
	for _, v := range []int{t.start, t.stop} {
		if v != none && (v < f.min || v > f.max) {
			return faultAt(w, f.limits(), "%s %s does not exist", f.name, f.format(v, 1))
		}
	}
	first, last := t.start, f.max
	switch {
	case t.stop != none:
		last = t.stop
	case f == lastDayField:
		first, last = f.min, t.start
	}
	switch {
	case t.stop != none && t.stop < t.start && f == lastDayField:
		return faultAt(w, fmt.Sprintf("write %d..%d", t.stop, t.start), "the range of days from the end of the month runs backwards")
	case t.stop != none && t.stop < t.start:
		return faultAt(w, t.wrapHint(f), "the range of %ss runs backwards", f.name)
	case t.step > last-first:
		return faultAt(w, "remove the step", "the step %s leaves the %s before its first repetition", f.format(t.step, 1), f.name)
	}
	return nil
}

// limits is the hint that names the values of a field.
func (f field) limits() string {
	least, most := f.format(f.min, 1), f.format(f.max, 1)
	switch f {
	case lastDayField:
		return "days from the end of the month are 1 (the last one) to 28"
	case hourField:
		return "hours are 0 to 23; midnight is 00:00"
	case secondField:
		most = "59.999999"
	}
	return f.name + "s are " + least + " to " + most
}

// wrapHint writes a range that passes the end of its field as two.
func (t term) wrapHint(f field) string {
	if f == yearField {
		return fmt.Sprintf("write %d..%d", t.stop, t.start)
	}
	whole := f.max / f.unit * f.unit
	return "write " + f.span(t.start, whole) + "," + f.span(f.min, t.stop)
}

// span writes a range; one of a single value as that value.
func (f field) span(from, to int) string {
	if from == to {
		return f.format(from, 1)
	}
	return f.format(from, 1) + ".." + f.format(to, 1)
}

func (f field) parseStep(w word) (int, error) {
	step, err := f.parse(w)
	if err == nil && step == 0 {
		return 0, faultAt(w, "use 1 or more, or remove the step", "a step of zero never moves")
	}
	return step, err
}

// parse reads a number in units of the field. Digits beyond microseconds are
// rounded, as systemd does.
func (f field) parse(w word) (int, error) {
	whole, fraction, hasFraction := w, word{}, false
	if f.unit > 1 {
		whole, fraction, hasFraction = w.cut(".")
	}
	if w.text == "" {
		return 0, faultAt(w, "use a number or *", "the %s is missing", f.name)
	}
	if !isNumber(whole.text) || hasFraction && !isNumber(fraction.text) {
		return 0, faultAt(w, f.limits(), "%q is not a number", w.text)
	}
	n, err := strconv.ParseUint(whole.text, 10, 31)
	if err != nil || n > math.MaxInt32/uint64(f.unit) {
		return 0, faultAt(w, f.limits(), "%s is too large", w.text)
	}
	return int(n)*f.unit + micros(fraction.text), nil
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// micros reads the digits after a decimal point.
func micros(digits string) int {
	padded := digits + "0000000"
	v, _ := strconv.Atoi(padded[:6])
	if padded[6] >= '5' {
		v++
	}
	return v
}
