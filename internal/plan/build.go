package plan

import (
	"time"
)

// Options are what a person adds to the policy for one plan.
type Options struct {
	Filter Filter
	// Acknowledge are names of layers whose prune budget may be exceeded this
	// once.
	Acknowledge []string
}

// Build makes the plan that leads from the observation to the policy at now.
// It is pure: the same arguments give the same plan, and it looks at nothing
// else. It never fails: what cannot be planned is blocked, with the reason, or
// is drift.
func Build(policy Policy, observation Observation, now time.Time, options Options) Plan {
	b := builder{policy: policy, observation: observation, now: now, options: options}
	b.survey()
	for _, layer := range policy.Layers {
		b.planLayer(layer)
	}
	b.warn()
	b.findDrift()
	plan := Plan{
		Time: now, Observed: observation.Time, Host: observation.Host, HostID: observation.HostID,
		PolicyDigest: policy.Digest, Timezone: policy.Timezone, Filter: options.Filter,
		Layers: b.layers, Actions: b.actions, Excluded: b.excluded, Drift: b.drift, Warnings: b.warnings,
	}
	if policy.Metrics != (Metrics{}) {
		plan.Unsupported = []string{"metrics"}
	}
	return plan.narrow(options.Filter)
}

// builder holds what Build works out on its way.
type builder struct {
	policy      Policy
	observation Observation
	now         time.Time
	options     Options

	surveys  map[string]survey // by name of the lvm_thin source
	held     map[layerVolume]held
	reserved map[string]bool // names that this plan's snapshots take, by group

	layers   []LayerStatus
	actions  []Action
	excluded []Skipped
	drift    []Drift
	warnings []Warning
}

// layerVolume is a volume in a layer.
type layerVolume struct{ layer, lv string }

// held is what a layer has of a volume.
type held struct {
	newest  time.Time // of the newest complete version; zero when there is none
	count   int
	planned bool // a create is planned and not blocked
}

func (b *builder) zone() *time.Location { return b.policy.Timezone.Location() }

func (b *builder) survey() {
	b.surveys = map[string]survey{}
	b.held = map[layerVolume]held{}
	b.reserved = map[string]bool{}
	for _, source := range b.policy.Sources {
		if source.LVMThin != nil {
			b.surveys[source.Name] = surveySource(source, b.observation, b.zone())
		}
	}
}

// planLayer adds the status of a layer, and the actions it needs if this
// version carries out its kind.
func (b *builder) planLayer(layer Layer) {
	status := LayerStatus{
		Name: layer.Name, Kind: layer.Kind, Schedule: layer.Schedule.String(),
		CarriedOut: layer.Kind == LayerSnapshot,
	}
	status.Slot, _ = layer.Schedule.Prev(b.now, b.zone())
	status.NextSlot, _ = layer.Schedule.Next(b.now, b.zone())
	if status.CarriedOut {
		l := &snapshotLayer{builder: b, layer: layer, survey: b.surveys[layer.From.Name], status: &status}
		l.plan()
	}
	b.layers = append(b.layers, status)
}

// narrow leaves what a filter selects.
func (p Plan) narrow(f Filter) Plan {
	if f.IsZero() {
		return p
	}
	in := func(layer, volume string) bool {
		return (layer == "" || selects(f.Layers, layer)) && selects(f.Volumes, volume)
	}
	p.Layers = keep(p.Layers, func(l LayerStatus) bool { return selects(f.Layers, l.Name) })
	p.Actions = keep(p.Actions, func(a Action) bool { return in(a.Layer, a.Volume) })
	p.Excluded = keep(p.Excluded, func(s Skipped) bool { return in(s.Layer, s.Volume) })
	p.Drift = keep(p.Drift, func(d Drift) bool { return in(d.Layer, d.Name) })
	return p
}

func keep[T any](list []T, wanted func(T) bool) []T {
	var kept []T
	for _, item := range list {
		if wanted(item) {
			kept = append(kept, item)
		}
	}
	return kept
}
