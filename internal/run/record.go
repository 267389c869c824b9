// Package run keeps the history of runs in the state directory: one file a
// run, of JSON lines, appended to and synced as the run goes on, so that a
// power cut leaves all that was done up to then. Start at Begin and Read.
package run

import (
	"strconv"
	"strings"
	"time"
)

// Outcome is how a run or an action of it ended.
type Outcome string

// Outcomes of runs: Running is also what a killed run leaves behind.
// Outcomes of actions are the last six.
const (
	Running     Outcome = "running"
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
	Host         string    `json:"host"`
	PID          int       `json:"pid"`
	Command      []string  `json:"command"`
	PolicyDigest string    `json:"policy_digest"`
	PlanID       string    `json:"plan_id,omitempty"` // of a saved plan
	Planned      int       `json:"planned"`           // actions to carry out
	Rooms        []Room    `json:"rooms,omitempty"`   // of destinations, when it began
	// Layers are those that it was to carry out with all their volumes; BlockedLayers
	// those of them of which nothing could be planned.
	Layers        []string `json:"layers,omitempty"`
	BlockedLayers []string `json:"blocked_layers,omitempty"`
	Outcome       Outcome  `json:"outcome"`
	Error         string   `json:"error,omitempty"`
	Actions       []Action `json:"actions"`
}

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
	Error   string    `json:"error,omitempty"`
	Detail  string    `json:"detail,omitempty"`
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

// line is one line of a run's file; exactly one member is set.
type line struct {
	Begin  *Record `json:"begin,omitempty"`
	Action *Action `json:"action,omitempty"`
	End    *end    `json:"end,omitempty"`
}

type end struct {
	Ended   time.Time `json:"ended"`
	Outcome Outcome   `json:"outcome"`
	Error   string    `json:"error,omitempty"`
}
