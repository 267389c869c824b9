package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// findDrift adds what differs from the policy. A stale volume is drift even
// when a planned create will mend it: its recovery point objective is broken
// now.
func (b *builder) findDrift() {
	for _, u := range b.observation.Unknown {
		b.addDrift(UnknownKind, u.Address, "", u.Detail, "")
	}
	for _, source := range b.policy.Sources {
		s, ok := b.surveyOf(source)
		if !ok {
			continue
		}
		if s.unknown != nil {
			b.driftOfUnlisted(*s.unknown)
			continue
		}
		if s.noNames != nil {
			b.driftOfUnlisted(*s.noNames)
		}
		b.driftOfVolumes(s)
		b.driftOfSnapshots(s)
	}
	b.driftOfPools()
	b.driftOfClusters()
	b.driftOfTrees()
	b.driftOfDisks()
	order := []DriftKind{Unprotected, Missing, Stale, Suspect, UnknownKind, Orphaned, Foreign, Accepted, Unmatched}
	slices.SortStableFunc(b.drift, func(x, y Drift) int {
		return cmp.Or(cmp.Compare(slices.Index(order, x.Kind), slices.Index(order, y.Kind)), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Layer, y.Layer), cmp.Compare(x.Detail, y.Detail))
	})
}

// driftOfUnlisted reports what the observation lacks without saying so: it was
// made with another policy.
func (b *builder) driftOfUnlisted(u Unknown) {
	known := func(d Drift) bool { return d.Kind == UnknownKind && d.Name == u.Address }
	if !slices.ContainsFunc(b.drift, known) {
		b.addDrift(UnknownKind, u.Address, "", u.Detail, "observe it again, with this policy")
	}
}

func (b *builder) addDrift(kind DriftKind, name, layer, detail, hint string) {
	b.drift = append(b.drift, Drift{Kind: kind, Name: name, Layer: layer, Detail: detail, Hint: hint})
}

func (b *builder) driftOfVolumes(s survey) {
	layers := b.layersOf(Ref{"source", SourceLVMThin, s.source.Name})
	for _, v := range s.volumes {
		switch v.state {
		case gone:
			continue
		case released:
			b.addDrift(Orphaned, v.name, "", fmt.Sprintf("its persistent volume is released; it was the claim %s", v.was), "delete the persistent volume, or bind it again")
			continue
		case unclaimed:
			b.addDrift(Orphaned, v.name, "", "no claim of the cluster uses it", "remove the logical volume if nothing uses it")
		}
		b.driftOfVolume(s.source.Name, v, layers)
	}
}

// layersOf are the layers that take their volumes from a source, directly or
// through another layer.
func (b *builder) layersOf(source Ref) []Layer {
	return keep(b.policy.Layers, func(l Layer) bool {
		for range b.policy.Layers {
			if l.From.Type != "layer" {
				break
			}
			l, _ = b.policy.Layer(l.From.Name)
		}
		return l.From == source
	})
}

func (b *builder) driftOfVolume(source string, v volume, layers []Layer) {
	if len(layers) == 0 {
		b.addDrift(Unprotected, v.name, "", fmt.Sprintf("no layer protects the volumes of source.%s", source), "add a layer, or an exclude block with the reason")
		return
	}
	excluded := 0
	for _, l := range layers {
		if e, ok := b.excludes(l, v); ok {
			excluded++
			if e.Accept && excluded == len(layers) {
				b.addDrift(Accepted, v.name, "", "excluded and accepted: "+e.Reason, "")
			}
		}
	}
	if excluded < len(layers) {
		b.driftOfAge(source, v, layers)
	}
}

func (b *builder) excludes(l Layer, v volume) (Exclude, bool) {
	for _, e := range b.policy.Excludes {
		if e.concerns(l.Name) && e.matches(v) {
			return e, true
		}
	}
	return Exclude{}, false
}

// driftOfAge compares the newest version in any layer that this version of
// bkplan carries out with the volume's max_age.
func (b *builder) driftOfAge(source string, v volume, layers []Layer) {
	protection, ok := b.protection(source, v)
	if !ok || protection.MaxAge.IsZero() {
		return
	}
	newest, planned, carried := time.Time{}, false, false
	for _, l := range layers {
		h, known := b.held[layerVolume{l.Name, cmp.Or(v.lvName, v.name)}]
		if !known {
			continue
		}
		carried, planned = true, planned || h.planned
		if h.newest.After(newest) {
			newest = h.newest
		}
	}
	since, what := newest, "its newest version is"
	if newest.IsZero() {
		since, what = v.lv.Created, "it has no version and is"
	}
	if !carried || since.IsZero() || !since.Before(protection.MaxAge.Before(b.now, b.zone())) {
		return
	}
	hint := "look at `bkplan plan` for what blocks it"
	if planned {
		hint = "`bkplan apply` will make one"
	}
	age := Age(b.now.Sub(since))
	if age == protection.MaxAge.String() {
		age = "more than " + age
	}
	b.addDrift(Stale, v.name, "", fmt.Sprintf("%s %s old; policy.%s allows %s", what, age, protection.Name, protection.MaxAge), hint)
}

// protection is the narrowest policy block that selects the volume; of equally
// narrow ones the first.
func (b *builder) protection(source string, v volume) (Protection, bool) {
	best, found, width := Protection{}, false, 0
	for _, p := range b.policy.Protections {
		if len(p.Sources) > 0 && !slices.Contains(p.Sources, source) ||
			len(p.Namespaces) > 0 && !slices.Contains(p.Namespaces, v.namespace) ||
			len(p.Volumes) > 0 && !matchAny(p.Volumes, v.name) {
			continue
		}
		narrow := 1
		switch {
		case len(p.Volumes) > 0:
			narrow = 4
		case len(p.Namespaces) > 0:
			narrow = 3
		case len(p.Sources) > 0:
			narrow = 2
		}
		if narrow > width {
			best, found, width = p, true, narrow
		}
	}
	return best, found
}

// driftOfSnapshots finds versions that no layer looks after, and snapshots
// that are nobody's.
func (b *builder) driftOfSnapshots(s survey) {
	for _, lv := range s.foreign {
		b.addDrift(Foreign, s.pool.VolumeGroup+"/"+lv.Name, "", foreignDetail(lv), "it is never touched; remove it by hand if it is not needed")
	}
	for _, v := range s.volumes {
		byLayer := map[string][]snapshot{}
		for _, snap := range s.snapshots[v.lvName] {
			layer := b.layerOf(s.source.Name, snap)
			byLayer[layer] = append(byLayer[layer], snap)
			if snap.lv.Health != "" {
				b.addDrift(Suspect, s.pool.VolumeGroup+"/"+snap.lv.Name, layer, "LVM says of it: "+snap.lv.Health, "")
			}
		}
		for _, layer := range slices.Sorted(maps.Keys(byLayer)) {
			b.driftOfVersions(s, v, layer, byLayer[layer])
		}
	}
}

// layerOf is the layer that owns a version; one that was adopted is the first
// snapshot layer's of the source.
func (b *builder) layerOf(source string, snap snapshot) string {
	if snap.layer != "" {
		return snap.layer
	}
	for _, l := range b.policy.Layers {
		if l.Kind == LayerSnapshot && l.From.Name == source {
			return l.Name
		}
	}
	return ""
}

func (b *builder) driftOfVersions(s survey, v volume, layerName string, versions []snapshot) {
	layer, known := b.policy.Layer(layerName)
	_, excluded := b.excludes(layer, v)
	why := ""
	switch {
	case v.claimed:
		return // it is missing, which is worse
	case v.state == gone && v.was != "":
		why = "its volume is gone; it was the claim " + v.was
	case v.state == gone:
		why = "its volume is gone"
	case layerName == "":
		why = "no snapshot layer takes from source." + s.source.Name
	case !known || layer.From.Name != s.source.Name:
		why = fmt.Sprintf("layer.%s is not in the policy any more", layerName)
	case excluded:
		why = fmt.Sprintf("the volume is excluded from layer.%s now", layerName)
	default:
		return
	}
	newest := slices.MaxFunc(versions, func(a, b snapshot) int {
		return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.lv.Name, b.lv.Name))
	})
	b.addDrift(Orphaned, v.name, layerName,
		fmt.Sprintf("%s left, the newest of %s: %s", count(len(versions), "snapshot"), b.clockText(newest.time), why),
		"lvremove "+s.pool.VolumeGroup+"/"+newest.lv.Name+more(len(versions)-1))
}

func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func foreignDetail(lv LogicalVolume) string {
	if lv.Origin == "" {
		return "named like a snapshot, and no layer made it"
	}
	return "a snapshot of " + lv.Origin + " that no layer made"
}

// driftOfPools lists volumes of the pools that no source matches.
func (b *builder) driftOfPools() {
	for _, pool := range b.observation.Pools {
		surveys := b.surveysOf(pool)
		if len(surveys) == 0 {
			continue
		}
		for _, lv := range pool.Volumes {
			if !anyMatched(surveys, lv.Name) {
				b.addDrift(Unmatched, pool.VolumeGroup+"/"+lv.Name, "", "logical volume of pool "+pool.VolumeGroup+"/"+pool.Name, "")
			}
		}
	}
}

func (b *builder) surveysOf(pool Pool) []survey {
	var found []survey
	for _, source := range b.policy.Sources {
		s, ok := b.surveyOf(source)
		if ok && s.unknown == nil && s.pool.VolumeGroup == pool.VolumeGroup && s.pool.Name == pool.Name {
			found = append(found, s)
		}
	}
	return found
}

func anyMatched(surveys []survey, name string) bool {
	return slices.ContainsFunc(surveys, func(s survey) bool { return s.matched[name] })
}
