package stamp

import "time"

// Parse reads a name. It is ok only when the name is what Format gives for some
// time in the zone, byte for byte. Then start is the first instant at which
// Format gives it: Monday 00:00 for a week of %W, January 1 for week 00.
//
// Where the clock goes back, a wall time exists twice, and start is the first of
// both; where it goes forward, the names of the skipped times are not ok, and a
// period whose beginning is skipped starts right after the gap. So start is never
// later than the time that was named.
//
// Of two times t1 before t2 with different names, the start of t1's name is
// before that of t2's, unless the clock of the zone was set back between the
// start of t2's name and t2.
func Parse(format, name string, zone *time.Location) (start time.Time, ok bool) {
	f, ok := scan(format, name)
	if !ok {
		return time.Time{}, false
	}
	p, ok := f.period()
	if !ok {
		return time.Time{}, false
	}
	return p.first(zone)
}

// fields are the values of a name by their directives.
type fields map[byte]int

// scan takes a name apart. A directive that a format repeats must have one
// value.
func scan(format, name string) (fields, bool) {
	f := fields{}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			if name == "" || name[0] != format[i] {
				return nil, false
			}
			name = name[1:]
			continue
		}
		i++
		if i == len(format) {
			return nil, false
		}
		n, rest, ok := number(name, widths[format[i]])
		if before, repeated := f[format[i]]; !ok || repeated && before != n {
			return nil, false
		}
		f[format[i]], name = n, rest
	}
	return f, name == ""
}

// number reads a number of exactly so many digits; of none there is none.
func number(name string, width int) (n int, rest string, ok bool) {
	if width == 0 || len(name) < width {
		return 0, "", false
	}
	for _, c := range []byte(name[:width]) {
		if c < '0' || c > '9' {
			return 0, "", false
		}
		n = 10*n + int(c-'0')
	}
	return n, name[width:], true
}

// period is the time that all of the fields agree on.
func (f fields) period() (period, bool) {
	p := period{midnight(firstYear, 1, 1), midnight(lastYear+1, 1, 1)}
	for _, r := range rules {
		n, there := f[r.directive]
		if !there {
			continue
		}
		if !f.hasAny(r.beside) {
			return p, false
		}
		p = p.common(r.narrow(f, n, p))
	}
	return p, len(f) > 0 && p.from.Before(p.to)
}

// hasAny says whether one of the directives is there; of none, nothing is
// missing.
func (f fields) hasAny(directives string) bool {
	for _, d := range []byte(directives) {
		if _, there := f[d]; there {
			return true
		}
	}
	return directives == ""
}

// rule is how the value n of a directive narrows the period that those before
// it left.
type rule struct {
	directive byte
	beside    string
	narrow    func(f fields, n int, p period) period
}

// rules are in the order in which they apply: the hour is counted from the day.
var rules = []rule{
	{'Y', "", func(_ fields, year int, _ period) period { return yearPeriod(year) }},
	{'G', "V", func(_ fields, year int, _ period) period {
		return period{weekOne(year), weekOne(year + 1)}
	}},
	{'m', "Y", func(f fields, month int, _ period) period {
		if month < 1 || month > 12 {
			return period{}
		}
		return period{midnight(f['Y'], month, 1), midnight(f['Y'], month+1, 1)}
	}},
	{'d', "m", func(f fields, day int, _ period) period { return days(midnight(f['Y'], f['m'], day), 1) }},
	{'j', "Y", func(f fields, day int, _ period) period { return days(midnight(f['Y'], 1, day), 1) }},
	{'U', "Y", func(f fields, week int, _ period) period {
		return days(weekBegin(f['Y'], week, time.Sunday), 7)
	}},
	{'W', "Y", func(f fields, week int, _ period) period {
		return days(weekBegin(f['Y'], week, time.Monday), 7)
	}},
	{'V', "G", func(f fields, week int, _ period) period {
		return days(weekOne(f['G']).AddDate(0, 0, 7*(week-1)), 7)
	}},
	{'H', "dj", func(_ fields, hour int, p period) period {
		from := p.from.Add(time.Duration(hour) * time.Hour)
		return period{from, from.Add(time.Hour)}
	}},
	{'M', "H", func(_ fields, minute int, p period) period {
		from := p.from.Add(time.Duration(minute) * time.Minute)
		return period{from, from.Add(time.Minute)}
	}},
	{'S', "M", func(_ fields, second int, p period) period {
		from := p.from.Add(time.Duration(second) * time.Second)
		return period{from, from.Add(time.Second)}
	}},
}
