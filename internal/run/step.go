package run

import "time"

// Step is an action as it was planned.
type Step struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Layer    string    `json:"layer"`
	Volume   string    `json:"volume"`
	Version  string    `json:"version,omitempty"`
	Reason   Reason    `json:"reason"`
	Estimate *Estimate `json:"estimate,omitempty"` // none: not known before
	Blocked  *Block    `json:"blocked,omitempty"`  // set: it was not to be carried out
}

// Reason says why a step was planned: a stable code, and words for people.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Estimate is how much a step was thought to come to.
type Estimate struct {
	Files int64 `json:"files,omitempty"`      // of a version that is sent
	Size  int64 `json:"size_bytes,omitempty"` // of a version that is sent
	Bytes int64 `json:"bytes"`                // that it adds
}

// Block says why something was not to be carried out, and what would change that.
type Block struct {
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Unblock string `json:"unblock,omitempty"`
}

// BlockedLayer is a layer for which nothing could be planned.
type BlockedLayer struct {
	Layer   string `json:"layer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Unblock string `json:"unblock,omitempty"`
}

// Warning is something that a person should know and that made nothing fail.
type Warning struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// UnderWay is an action that has begun and not ended.
type UnderWay struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

// Codes of warnings of a run; those of its plan are package plan's.
const (
	WarnRecords = "records" // old records could not be removed
	WarnNotify  = "notify"  // a notification failed
)
