package plan

import "time"

// clockTolerance is how far ahead of now a version may lie before the clock
// is held to be wrong: clocks are set by small steps all the time.
const clockTolerance = 5 * time.Minute

// InFuture says that t cannot have been before now by a clock that is right
// (safety rule 11).
func InFuture(t, now time.Time) bool { return t.After(now.Add(clockTolerance)) }
