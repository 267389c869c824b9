package quantity

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// unitWords are the spellings people bring from other tools, in minutes. Months
// and years are those of 30 and 365 days.
var unitWords = map[string]float64{
	"m": 1, "min": 1, "mins": 1, "minute": 1, "minutes": 1,
	"h": 60, "hr": 60, "hrs": 60, "hour": 60, "hours": 60,
	"d": day, "day": day, "days": day,
	"w": 7 * day, "wk": 7 * day, "week": 7 * day, "weeks": 7 * day,
	"mo": 30 * day, "mon": 30 * day, "month": 30 * day, "months": 30 * day,
	"y": 365 * day, "yr": 365 * day, "year": 365 * day, "years": 365 * day,
}

var (
	durationTerms = regexp.MustCompile(`^\s*-?(\s*[0-9]{1,9}(\.[0-9]{1,6})?\s*[A-Za-z]+)+\s*$`)
	durationTerm  = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)`)
)

func malformedDuration(s string) error {
	return fmt.Errorf("%q is not a duration: write one positive whole number and one unit, d, h or m, such as 7d, 26h or 30m%s",
		s, didYouMean(meantDuration(s)))
}

// meantDuration returns the literal nearest to s, or "" when s is not a
// duration in any common spelling. A lone "M" is minutes to some and months to
// others, so it gives none.
func meantDuration(s string) string {
	if len(s) > 64 || !durationTerms.MatchString(s) {
		return ""
	}
	total := 0.0
	for _, term := range durationTerm.FindAllStringSubmatch(s, -1) {
		minutes, known := unitWords[strings.ToLower(term[2])]
		if !known || term[2] == "M" {
			return ""
		}
		n, err := strconv.ParseFloat(term[1], 64)
		if err != nil {
			return ""
		}
		total += n * minutes
	}
	if total < 1 || total != math.Trunc(total) || total > maxMinutes {
		return ""
	}
	return wholeMinutes(int(total), strings.ContainsAny(s, "hH"))
}

// wholeMinutes writes n minutes in the largest unit that divides them; a text
// that spoke of hours gets no days, which are a different length.
func wholeMinutes(n int, hours bool) string {
	switch {
	case n%day == 0 && !hours:
		return Duration{Days: n / day}.String()
	case n%60 == 0:
		return Duration{Hours: n / 60}.String()
	}
	return Duration{Minutes: n}.String()
}
