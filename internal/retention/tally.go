package retention

import (
	"strconv"
	"time"
)

// outcome is what one rule says of one version.
type outcome uint8

const (
	newestOfBucket outcome = iota + 1 // kept
	oldestOfAll                       // kept: not the newest of its bucket, but there is room
	notNewest                         // a newer version of the same bucket was kept
	spent                             // all buckets of the rule are newer
	outside                           // older than the rule's span
)

func (o outcome) keeps() bool { return o == newestOfBucket || o == oldestOfAll }

// tally is a rule on its way through the versions of a volume, newest first.
type tally struct {
	rule   rule
	cutoff time.Time // a span rule keeps what is after it
	used   int       // buckets kept so far
	last   int       // key of the newest of them
}

// next says what becomes of the next older version, and counts it.
func (c *tally) next(t time.Time, index int, oldest bool) outcome {
	if c.rule.limit > 0 && c.used == c.rule.limit {
		return spent
	}
	if c.rule.limit == 0 && !t.After(c.cutoff) {
		return outside
	}
	key := c.rule.period.key(t, index)
	same := c.used > 0 && key == c.last
	if same && !oldest {
		return notNewest
	}
	c.used++
	c.last = key
	if same {
		return oldestOfAll
	}
	return newestOfBucket
}

// detail says in words why the version at t was just kept.
func (c *tally) detail(o outcome, t time.Time, spanEnd string) string {
	var buffer [96]byte
	text := buffer[:0]
	if o == oldestOfAll {
		text = append(text, "oldest, "...)
	}
	if c.rule.limit > 0 || c.rule.period != single {
		text = append(text, c.rule.period.adjective()...)
		text = append(text, ' ')
	}
	if c.rule.limit > 0 {
		text = strconv.AppendInt(text, int64(c.used), 10)
		text = append(text, " of "...)
		text = strconv.AppendInt(text, int64(c.rule.limit), 10)
	} else {
		text = append(text, "within "...)
		text = append(text, c.rule.span.String()...)
		text = append(text, " of "...)
		text = append(text, spanEnd...)
	}
	if c.rule.period != single {
		text = append(text, ": "...)
		text = c.rule.period.appendLabel(text, t)
	}
	return string(text)
}
