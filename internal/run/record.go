// Package run keeps the history of runs in the state directory: one file a
// run, of JSON lines, appended to and synced as the run goes on, so that a
// power cut leaves all that was done up to then. Start at Begin and Read.
package run

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Outcome is how a run or an action of it ended.
type Outcome string

// Outcomes of runs: Killed has no end and nobody who is still at it, Unknown was
// recorded by a newer bkplan. Outcomes of actions are the last six.
const (
	Running     Outcome = "running"
	Killed      Outcome = "killed"
	Unknown     Outcome = "unknown"
	Succeeded   Outcome = "succeeded"
	Interrupted Outcome = "interrupted"
	Failed      Outcome = "failed"

	Done     Outcome = "done"
	Already  Outcome = "already"
	Skipped  Outcome = "skipped"  // something it depends on did not succeed
	Blocked  Outcome = "blocked"  // the plan did not let it be carried out
	Canceled Outcome = "canceled" // the run was asked to stop before it began
)

// Record is one run: what it set out to do, and what became of it.
type Record struct {
	Format       string    `json:"format"`
	Version      int       `json:"version"`
	ID           string    `json:"id"`
	Started      time.Time `json:"started"`
	Ended        time.Time `json:"ended,omitzero"`
	Seconds      float64   `json:"seconds,omitempty"` // it took, whatever was done to the clock
	Host         string    `json:"host"`
	PID          int       `json:"pid"`
	User         string    `json:"user,omitempty"`
	Command      []string  `json:"command"`
	PolicyDigest string    `json:"policy_digest"`
	PlanID       string    `json:"plan_id,omitempty"` // of a saved plan
	Planned      int       `json:"planned"`           // actions to carry out
	// Layers are those that it was to carry out with all their volumes.
	Layers  []string `json:"layers,omitempty"`
	Rooms   []Room   `json:"rooms,omitempty"` // of destinations, when it began
	Outcome Outcome  `json:"outcome"`
	Error   string   `json:"error,omitempty"`
	// Plan is what was planned, blocked actions as well, in the plan's order; runs
	// of older versions have none.
	Plan          []Step         `json:"plan,omitempty"`
	BlockedLayers []BlockedLayer `json:"blocked_layers,omitempty"`
	// Warnings are the plan's, and then those of the run.
	Warnings []Warning `json:"warnings,omitempty"`
	// UnderWay are the actions that have begun and have no end: what is being done,
	// or what a killed run was at.
	UnderWay []UnderWay `json:"under_way,omitempty"`
	Actions  []Action   `json:"actions"`
}

// Took is how long the run lasted, never negative; of runs of older versions as the
// clock had it.
func (r Record) Took() time.Duration { return took(r.Started, r.Ended, r.Seconds) }

// Room is how much was free at a destination.
type Room struct {
	Place string `json:"place"`
	Size  int64  `json:"size_bytes"`
	Free  int64  `json:"free_bytes"`
}

// Action is what became of one action.
type Action struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Address string    `json:"address"`
	Version string    `json:"version,omitempty"`
	Outcome Outcome   `json:"outcome"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Seconds float64   `json:"seconds,omitempty"` // it took, whatever was done to the clock
	Error   string    `json:"error,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// Took is how long the action lasted, never negative.
func (a Action) Took() time.Duration { return took(a.Started, a.Ended, a.Seconds) }

func took(started, ended time.Time, seconds float64) time.Duration {
	if seconds > 0 {
		return time.Duration(seconds * float64(time.Second))
	}
	return max(0, ended.Sub(started))
}

// Fine says that what was to be done is as it was to be.
func (o Outcome) Fine() bool { return o == Done || o == Already }

// Fine says that the run was to carry out a layer, came to its end, and left nothing of
// the layer undone.
func (r Record) Fine(layer string) bool {
	if r.Ended.IsZero() || !slices.Contains(r.Layers, layer) {
		return false
	}
	fine := r.Outcome == Succeeded
	for _, a := range r.Actions {
		if strings.HasPrefix(a.Address, "layer."+layer+"[") {
			if !a.Outcome.Fine() {
				return false
			}
			fine = true
		}
	}
	return fine && !r.IsBlocked(layer)
}

// Concerns says that the run was to do something of a layer, were it for some of its
// volumes only.
func (r Record) Concerns(layer string) bool {
	return slices.Contains(r.Layers, layer) || r.IsBlocked(layer) ||
		slices.ContainsFunc(r.Plan, func(s Step) bool { return s.Layer == layer }) ||
		slices.ContainsFunc(r.Actions, func(a Action) bool { return strings.HasPrefix(a.Address, "layer."+layer+"[") })
}

// IsBlocked says that nothing of a layer could be planned.
func (r Record) IsBlocked(layer string) bool {
	return slices.ContainsFunc(r.BlockedLayers, func(b BlockedLayer) bool { return b.Layer == layer })
}

// Count is how many actions ended that way.
func (r Record) Count(outcome Outcome) int {
	n := 0
	for _, a := range r.Actions {
		if a.Outcome == outcome {
			n++
		}
	}
	return n
}

const (
	format        = "bkplan.run"
	formatVersion = 1
	directory     = "runs"
	extension     = ".jsonl"
	stampLayout   = "20060102T150405Z"
)

// newID names the nth run, from 1, of a second.
func newID(started time.Time, n int) string {
	stamp := started.UTC().Format(stampLayout)
	if n == 1 {
		return stamp
	}
	return stamp + "-" + strconv.Itoa(n)
}

// parseID reads what newID made, and nothing else.
func parseID(id string) (started time.Time, n int, ok bool) {
	stamp, number, numbered := strings.Cut(id, "-")
	started, err := time.Parse(stampLayout, stamp)
	n = 1
	if numbered {
		n, _ = strconv.Atoi(number)
	}
	return started, n, err == nil && n > 0 && newID(started, n) == id
}

// line is one line of a run's file; exactly one member is set. Readers pass over
// lines of which they know no member.
type line struct {
	Begin   *Record  `json:"begin,omitempty"`
	Plan    *outline `json:"plan,omitempty"`
	Start   *start   `json:"start,omitempty"`
	Action  *Action  `json:"action,omitempty"`
	Warning *Warning `json:"warning,omitempty"`
	End     *end     `json:"end,omitempty"`
}

// outline stands on a line of its own, so that the beginning of a record stays short:
// it is read a thousand times for each plan.
type outline struct {
	Steps    []Step         `json:"steps"`
	Blocked  []BlockedLayer `json:"blocked_layers,omitempty"`
	Warnings []Warning      `json:"warnings,omitempty"`
}

type start struct {
	At  time.Time `json:"at"`
	IDs []string  `json:"ids"`
}

type end struct {
	Ended   time.Time `json:"ended"`
	Seconds float64   `json:"seconds,omitempty"`
	Outcome Outcome   `json:"outcome"`
	Error   string    `json:"error,omitempty"`
}
