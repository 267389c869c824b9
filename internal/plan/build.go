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
	return b.build()
}

func (b *builder) build() Plan {
	b.survey()
	b.planLayers()
	b.warn()
	b.findDrift()
	plan := Plan{
		Time: b.now, Observed: b.observation.Time, Host: b.observation.Host, HostID: b.observation.HostID,
		PolicyDigest: b.policy.Digest, Timezone: b.policy.Timezone, Filter: b.options.Filter,
		Layers: b.layers, Actions: b.actions, Excluded: b.excluded, Drift: b.drift, Warnings: b.warnings, Holdings: b.holdings,
	}
	plan = plan.narrow(b.options.Filter)
	plan.Capacity = b.capacities(plan.Actions)
	return plan
}

// builder holds what Build works out on its way.
type builder struct {
	policy      Policy
	observation Observation
	now         time.Time
	options     Options
	unbounded   bool // the prune budget was looked at before

	surveys  map[string]survey // by name of the lvm_thin source
	held     map[layerVolume]held
	reserved map[string]bool        // names that this plan's snapshots take, by group
	made     map[layerVolume]Action // snapshots that this plan makes
	used     map[string]Estimate    // what is added so far, by path of the destination
	oldest   map[string][]oldVersions
	live     map[string]map[string]bool // by layer, what its source has: paths as in holding; nil is not known

	layers   []LayerStatus
	actions  []Action
	excluded []Skipped
	drift    []Drift
	warnings []Warning

	holdings  []Holding
	holdingAt map[layerVolume]int
}

// layerVolume is a volume in a layer; volume is the name of its logical volume,
// else its own.
type layerVolume struct{ layer, volume string }

// held is what a layer has of a volume.
type held struct {
	newest  time.Time // when the newest data was taken; zero when there is none
	count   int
	planned bool // a create is planned and not blocked
}

// surveyOf is the pool of a source; sources of other kinds have none. A name is
// that of one source of each kind.
func (b *builder) surveyOf(s Source) (survey, bool) {
	found, ok := b.surveys[s.Name]
	return found, ok && s.LVMThin != nil
}

func (b *builder) zone() *time.Location { return b.policy.Timezone.Location() }

func (b *builder) survey() {
	b.surveys = map[string]survey{}
	b.held = map[layerVolume]held{}
	b.reserved = map[string]bool{}
	b.made = map[layerVolume]Action{}
	b.used = map[string]Estimate{}
	b.oldest = map[string][]oldVersions{}
	b.live = map[string]map[string]bool{}
	b.holdingAt = map[layerVolume]int{}
	for _, source := range b.policy.Sources {
		if source.LVMThin != nil {
			b.surveys[source.Name] = surveySource(source, b.observation, b.zone())
		}
	}
}

// planLayers plans all layers and keeps them in the policy's order. What reads
// another layer's versions is planned after it.
func (b *builder) planLayers() {
	b.layers = make([]LayerStatus, len(b.policy.Layers))
	for turn := range 3 {
		for i, layer := range b.policy.Layers {
			if turnOf(layer) == turn {
				b.layers[i] = b.planLayer(layer)
			}
		}
	}
	b.actions = append(b.planCleans(), b.actions...)
}

// turnOf is when a layer is planned: snapshots, copies of them, copies of copies.
func turnOf(l Layer) int {
	switch {
	case l.Kind == LayerSnapshot:
		return 0
	case l.From.Type == "destination":
		return 2
	}
	return 1
}

// planLayer gives the status of a layer, and adds the actions it needs if this
// version carries it out.
func (b *builder) planLayer(layer Layer) LayerStatus {
	status := LayerStatus{
		Name: layer.Name, Kind: layer.Kind, Schedule: layer.Schedule.String(),
		CarriedOut: b.carriesOut(layer),
	}
	status.Slot, _ = layer.Schedule.Prev(b.now, b.zone())
	status.NextSlot, _ = layer.Schedule.Next(b.now, b.zone())
	destination, _ := b.policy.Destination(layer.To)
	switch {
	case !status.CarriedOut:
	case layer.Kind == LayerSnapshot:
		(&snapshotLayer{builder: b, layer: layer, survey: b.surveys[layer.From.Name], status: &status}).plan()
	case layer.Kind == LayerSync && layer.From.Type == "destination":
		(&offsiteLayer{builder: b, layer: layer, to: destination, status: &status}).plan()
	case layer.Kind == LayerSync:
		(&syncLayer{builder: b, layer: layer, destination: destination, status: &status}).plan()
	default:
		(&copyLayer{builder: b, layer: layer, destination: destination, status: &status}).plan()
	}
	if status.Blocked != nil {
		b.countHeld(layer, &status)
	}
	return status
}

// countHeld counts what a layer has that could not be planned, as far as its disk
// was seen.
func (b *builder) countHeld(layer Layer, status *LayerStatus) {
	status.VolumesUnknown, status.VersionsUnknown = true, true
	destination, toDisk := b.policy.Destination(layer.To)
	disk, block := b.findDisk(destination)
	if !toDisk || layer.From.Type == "destination" || block != nil && !disk.FileSystem.ReadOnly {
		return
	}
	if layer.Kind == LayerSync {
		if disk.receiptOf(layer.Name, layer.Directory).isWhole() {
			status.Versions = 1
		}
		status.VersionsUnknown = false
		return
	}
	l := copyLayer{builder: b, layer: layer, destination: destination, disk: disk}
	if l.findFolder() != nil {
		return
	}
	for _, versions := range l.recognise().versions {
		status.Versions += len(versions)
	}
	status.VersionsUnknown = false
}

func (b *builder) carriesOut(l Layer) bool { return b.policy.CarriesOut(l) }

// CarriesOut says whether this version of bkplan acts upon the layer, or only
// checks it.
func (p Policy) CarriesOut(l Layer) bool {
	if l.Kind == LayerSnapshot {
		return true
	}
	to, found := p.Destination(l.To)
	if !found || to.Kind != DestinationDisk && l.Kind != LayerSync {
		return false
	}
	switch l.Kind {
	case LayerFiles, LayerFetch:
		return true
	case LayerSQLite:
		return l.From.Kind != SourceVaultwarden
	case LayerSync:
		return l.From.Type == "source" || l.From.Kind == DestinationDisk && to.Kind == DestinationSSH
	}
	return false
}

// Destination finds a destination.
func (p Policy) Destination(ref Ref) (Destination, bool) {
	for _, d := range p.Destinations {
		if ref.Type == "destination" && d.Name == ref.Name {
			return d, true
		}
	}
	return Destination{}, false
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
	p.Actions = keep(p.Actions, f.selects)
	p.Excluded = keep(p.Excluded, func(s Skipped) bool { return in(s.Layer, s.Volume) })
	p.Drift = keep(p.Drift, func(d Drift) bool { return in(d.Layer, d.Name) })
	p.Holdings = keep(p.Holdings, func(h Holding) bool { return in(h.Layer, h.Volume) })
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
