package schedule

import "time"

// Zoned is the expression with a time zone in it, so that it means the same
// wherever it is read: its own zone, else loc; a nil loc means UTC. The zero
// value gives "".
func (c Calendar) Zoned(loc *time.Location) string {
	if c.IsZero() || c.zone != nil {
		return c.text
	}
	return c.text + " " + c.location(loc).String()
}
