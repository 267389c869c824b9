package schedule

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// shorthands are the words that stand for a whole expression, with systemd's
// spellings.
var shorthands = map[string]string{
	"minutely":      "*:*:00",
	"hourly":        "*:00",
	"daily":         "00:00",
	"weekly":        "Mon",
	"monthly":       "*-*-01",
	"quarterly":     "*-01,04,07,10-01",
	"semiannually":  "*-01,07-01",
	"semi-annually": "*-01,07-01",
	"biannually":    "*-01,07-01",
	"bi-annually":   "*-01,07-01",
	"yearly":        "*-01-01",
	"annually":      "*-01-01",
	"anually":       "*-01-01",
}

// misspelt is a shorthand that is understood but never suggested.
const misspelt = "anually"

// Parse reads a calendar expression as systemd does: upper and lower case,
// spaces and short forms included. Every error is a [*ParseError].
//
// Two things are narrower than in systemd, because they would mean something
// else on another host: a zone is UTC or an IANA name, never the abbreviation
// of the host's own zone, and never "Local".
func Parse(expr string) (Calendar, error) {
	t, err := parse(word{expr, 0})
	var f *fault
	switch {
	case err == nil:
		return t.calendar(), nil
	case errors.As(err, &f):
		return Calendar{}, &ParseError{expr, f.at.offset, len(f.at.text), f.reason, f.hint}
	}
	return Calendar{}, err
}

func parse(expr word) (terms, error) {
	if strings.Trim(expr.text, " ") == "" {
		return terms{}, faultAt(expr, "name one, such as daily or Sun 03:00", "the calendar expression is empty")
	}
	body, zone := cutZone(expr)
	var t terms
	var err error
	if text, ok := shorthands[strings.ToLower(body.text)]; ok {
		t, err = parseBody(word{text, 0})
	} else {
		t, err = parseBody(body)
	}
	if t.zone == nil {
		t.zone = zone
	}
	return t, err
}

// cutZone takes a time zone from the end of the expression, if there is one.
func cutZone(expr word) (word, *time.Location) {
	i := strings.LastIndexByte(expr.text, ' ')
	if i < 0 {
		return expr, nil
	}
	name := expr.text[i+1:]
	if strings.EqualFold(name, "UTC") {
		return expr.part(0, i), time.UTC
	}
	if name == "" || !isLetter(name[0]) || name == "Local" {
		return expr, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return expr, nil
	}
	return expr.part(0, i), zone
}

// parseBody reads weekdays, date and time, each of which may be missing.
func parseBody(body word) (terms, error) {
	t := terms{weekdays: allWeekdays, hour: single(0), minute: single(0), second: single(0)}
	words := spaced(body)
	if err := checkShape(body, words); err != nil {
		return t, err
	}
	var err error
	if isName(words[0]) {
		if t.weekdays, err = parseWeekdays(words[0]); err != nil {
			return t, err
		}
		words = words[1:]
	}
	if len(words) > 0 && words[0].text[0] == '@' {
		err = t.parseEpoch(words[0])
		words = words[1:]
	} else {
		words, err = t.parseDateTime(words)
	}
	if err == nil && len(words) > 0 {
		err = leftover(words[0])
	}
	return t, err
}

// parseDateTime reads the words that form a date and a time, and returns the
// rest.
func (t *terms) parseDateTime(words []word) ([]word, error) {
	if len(words) > 0 && isDate(words[0]) {
		if err := t.parseDate(words[0]); err != nil {
			return nil, err
		}
		words = words[1:]
	}
	if len(words) > 0 && !isName(words[0]) {
		return words[1:], t.parseTime(words[0])
	}
	return words, nil
}

// leftover explains a word that has no place in the expression.
func leftover(w word) error {
	if _, err := parseWeekday(w); err == nil {
		return faultAt(w, "weekdays come first, in a list without spaces such as Mon,Tue", "the weekday %s is out of place", w.text)
	}
	if _, zone := cutZone(word{" " + w.text, 0}); zone != nil {
		return faultAt(w, "leave one at the end", "there is more than one time zone")
	}
	if isName(w) {
		return faultAt(w, "use UTC or a name such as Europe/Sofia, in its exact case", "there is no time zone %q", w.text)
	}
	return faultAt(w, "the order is weekdays, date, time, time zone", "%q is out of place", w.text)
}

// spaced returns the words between spaces.
func spaced(body word) []word {
	return slices.DeleteFunc(body.splitAny(" "), func(w word) bool { return w.text == "" })
}

// checkShape finds what would only be confusing when read word by word.
func checkShape(body word, words []word) error {
	first, last := words[0], words[len(words)-1]
	_, whole := shorthands[strings.ToLower(first.text)]
	switch {
	case first.offset > body.offset:
		return faultAt(body.part(0, first.offset-body.offset), "remove it", "there is a space before the expression")
	case whole && len(words) > 1 && isName(last):
		return leftover(last)
	case whole && len(words) > 1:
		expanded := "it stands for " + shorthands[strings.ToLower(first.text)] + "; write the date and the time that you mean"
		return faultAt(last, expanded, "nothing but a time zone may follow %q", first.text)
	case whole:
		return faultAt(body, "remove the space", "there is a space after %q", first.text)
	case strings.HasSuffix(body.text, " ") && (strings.Contains(last.text, ":") || last.text[0] == '@'):
		return faultAt(body.part(len(body.text)-1, len(body.text)), "remove it", "there is a space after %q", last.text)
	case isCron(words):
		return faultAt(body, "write *-*-* 05:30 for every day at half past five", "this looks like a cron expression")
	case isName(first) && !startsWithWeekday(first):
		return faultAt(first, nameHint(first.text), "%q is neither a weekday nor a known word", first.text)
	}
	return nil
}

func isName(w word) bool { return isLetter(w.text[0]) }

func isDate(w word) bool { return strings.ContainsAny(w.text, "-~") }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isCron(words []word) bool {
	return len(words) == 5 && !slices.ContainsFunc(words, func(w word) bool {
		return strings.Trim(w.text, "0123456789*/,-") != ""
	})
}

// startsWithWeekday reports whether the word is a list or a range, or close
// enough to a weekday to be judged as one.
func startsWithWeekday(w word) bool {
	name := strings.ToLower(w.text)
	return strings.ContainsAny(name, ",.") || slices.ContainsFunc(weekdayShort, func(short string) bool {
		return strings.HasPrefix(name, strings.ToLower(short)) && !strings.HasPrefix(name, "month")
	})
}

func nameHint(text string) string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(shorthands)), func(s string) bool { return s == misspelt })
	if strings.EqualFold(text, "UTC") {
		return "a time zone stands at the end, as in daily UTC"
	}
	if hint := nearMiss(text, slices.Concat(names, weekdayNames, weekdayShort)); hint != "" {
		return hint
	}
	return "use daily, weekly, monthly, … or a form such as Mon..Fri *-*-* 03:00"
}
