package plan

import (
	"time"
)

// Plan is the ordered way from an observation to a policy, with all that was
// left out of it and why. Build makes it; nothing else does.
type Plan struct {
	Time         time.Time `json:"time"`     // the instant it is made for
	Observed     time.Time `json:"observed"` // when the world looked like that
	Host         string    `json:"host"`
	HostID       string    `json:"host_id,omitempty"`
	PolicyDigest string    `json:"policy_digest"`
	Timezone     Zone      `json:"timezone"`
	// Filter is what the plan was narrowed to; a narrowed plan is no proof
	// that the rest is as it should be.
	Filter Filter `json:"filter,omitzero"`
	// Layers are the policy's, in its order.
	Layers []LayerStatus `json:"layers"`
	// Actions are ordered: one comes after all that it depends on.
	Actions []Action `json:"actions"`
	// Capacity has the destinations that the plan writes to.
	Capacity []Capacity `json:"capacity,omitempty"`
	Excluded []Skipped  `json:"excluded,omitempty"`
	Drift    []Drift    `json:"drift,omitempty"`
	Warnings []Warning  `json:"warnings,omitempty"`
	// Holdings are what the layers hold, for metrics. A saved plan has none.
	Holdings []Holding `json:"-"`
}

// Filter narrows a plan to layers and volumes, by globs over whole names. An
// empty list selects all.
type Filter struct {
	Layers  []string `json:"layers,omitempty"`
	Volumes []string `json:"volumes,omitempty"`
}

// IsZero says that nothing is left out.
func (f Filter) IsZero() bool { return len(f.Layers) == 0 && len(f.Volumes) == 0 }

// selects says whether an action is in the plan. What a killed run left behind is
// of a layer and of no volume: it may be in the way of any.
func (f Filter) selects(a Action) bool {
	return selects(f.Layers, a.Layer) && (a.Kind == Clean || selects(f.Volumes, a.Volume))
}

// LayerStatus is a layer at the plan's time.
type LayerStatus struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"`
	Schedule string    `json:"schedule"`
	Slot     time.Time `json:"slot,omitzero"`      // the latest
	NextSlot time.Time `json:"next_slot,omitzero"` // the first after the plan's time
	// CarriedOut is false for kinds whose apply this version does not have:
	// the layer is checked and nothing is planned for it.
	CarriedOut bool `json:"carried_out"`
	Volumes    int  `json:"volumes"`  // covered
	Versions   int  `json:"versions"` // held, as observed
	// VolumesUnknown and VersionsUnknown say that their numbers could not be told.
	VolumesUnknown  bool `json:"volumes_unknown,omitempty"`
	VersionsUnknown bool `json:"versions_unknown,omitempty"`
	// Blocked is set when nothing of the layer could be planned.
	Blocked *Block `json:"blocked,omitempty"`
	// Whole is up to when a sync of a disk has all that the disk has, and when the last whole
	// sync began of a mirror in which one was cut off since; of other layers zero.
	Whole time.Time `json:"-"`
}

// Skipped is a volume that an exclude block leaves out of a layer.
type Skipped struct {
	Layer   string `json:"layer"`
	Volume  string `json:"volume"`
	Exclude string `json:"exclude"` // name of the block
	Reason  string `json:"reason"`
	Accept  bool   `json:"accept,omitempty"`
}

// Warning is something about the plan that a person should know and that no
// action mends.
type Warning struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// Warning codes.
const (
	WarnStaleNames       = "stale_names"
	WarnUnknownNamespace = "unknown_namespace"
	WarnClock            = "clock"
	WarnUnknown          = "unknown"
	WarnNoMatch          = "no_match" // a filter selects nothing
	WarnSameMedium       = "same_medium"
	WarnUnproven         = "unproven" // versions without a receipt are not copied
)

// DriftKind is a kind of drift.
type DriftKind string

// The kinds of drift. All count for the exit code but the last two.
const (
	Unprotected DriftKind = "unprotected" // no layer covers it, no exclusion explains it
	Stale       DriftKind = "stale"       // older than its policy's max_age
	Orphaned    DriftKind = "orphaned"    // versions without a volume, volumes without a claim
	Suspect     DriftKind = "suspect"     // a version that looks wrong
	Foreign     DriftKind = "foreign"     // a snapshot of a volume that no layer made
	Missing     DriftKind = "missing"     // a claim whose volume is not there
	UnknownKind DriftKind = "unknown"     // could not be observed
	Accepted    DriftKind = "accepted"    // knowingly below the policy
	Unmatched   DriftKind = "unmatched"   // in the pool or the cluster, and no source matches it
)

// Counts says whether drift of this kind makes `bkplan drift` exit with 2.
func (k DriftKind) Counts() bool { return k != Accepted && k != Unmatched }

// Drift is a difference from the policy.
type Drift struct {
	Kind   DriftKind `json:"kind"`
	Name   string    `json:"name"` // volume, logical volume, claim or address
	Layer  string    `json:"layer,omitempty"`
	Detail string    `json:"detail"`
	Hint   string    `json:"hint,omitempty"` // how to mend it
}

// Summary counts a plan.
type Summary struct {
	Create      int `json:"create"`
	Refresh     int `json:"refresh"`
	Prune       int `json:"prune"`
	Sync        int `json:"sync"`
	Trigger     int `json:"trigger"`
	Clean       int `json:"clean"`
	Relink      int `json:"relink,omitempty"`
	Blocked     int `json:"blocked"`
	Excluded    int `json:"excluded"`    // volumes
	Unprotected int `json:"unprotected"` // volumes
}

// Changes is how many actions apply would carry out.
func (s Summary) Changes() int {
	return s.Create + s.Refresh + s.Prune + s.Sync + s.Trigger + s.Clean + s.Relink
}

// Summary counts what the plan holds. Exit codes come from it, so that they
// cannot differ from what is shown.
func (p Plan) Summary() Summary {
	var s Summary
	counters := map[ActionKind]*int{
		Create: &s.Create, Refresh: &s.Refresh, Prune: &s.Prune,
		Sync: &s.Sync, Trigger: &s.Trigger, Clean: &s.Clean, Relink: &s.Relink,
	}
	for _, a := range p.Actions {
		if a.Blocked != nil {
			s.Blocked++
			continue
		}
		*counters[a.Kind]++
	}
	for _, l := range p.Layers {
		if l.Blocked != nil {
			s.Blocked++
		}
	}
	excluded := map[string]bool{}
	for _, e := range p.Excluded {
		excluded[e.Volume] = true
	}
	s.Excluded = len(excluded)
	for _, d := range p.Drift {
		if d.Kind == Unprotected {
			s.Unprotected++
		}
	}
	return s
}
