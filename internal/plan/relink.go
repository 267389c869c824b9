package plan

import (
	"cmp"
	"path"
	"time"
)

// BuildRelink makes the plan of a person who asks that versions on other machines share
// the files that are the same in them. There is an action for each version that has
// a newer neighbour: it is to be built anew from links to that one, the newest of a
// volume first. Nothing else is planned.
//
// shares says by the ID of an action what it would do. Where it is nil, that is yet
// to be asked, and every action is there without an Estimate; else those are that
// would make a link.
func BuildRelink(policy Policy, observation Observation, now time.Time, filter Filter, shares map[string]Estimate) Plan {
	b := builder{policy: policy, observation: observation, now: now, options: Options{Filter: filter}}
	b.survey()
	for _, layer := range policy.Layers {
		if layer.Kind == LayerSync && layer.From.Type == "destination" && b.carriesOut(layer) && selects(filter.Layers, layer.Name) {
			b.layers = append(b.layers, b.relinkLayer(layer, shares))
		}
	}
	b.warnFilter()
	p := Plan{
		Time: now, Observed: observation.Time, Host: observation.Host, HostID: observation.HostID,
		PolicyDigest: policy.Digest, Timezone: policy.Timezone, Filter: filter, Layers: b.layers,
		Actions: keep(b.actions, filter.selects), Warnings: b.warnings,
	}
	p.Capacity = b.capacities(p.Actions)
	return p
}

func (b *builder) relinkLayer(layer Layer, shares map[string]Estimate) LayerStatus {
	status := LayerStatus{Name: layer.Name, Kind: layer.Kind, Schedule: layer.Schedule.String(), CarriedOut: true}
	to, _ := b.policy.Destination(layer.To)
	l := &offsiteLayer{builder: b, layer: layer, to: to, status: &status}
	if status.Blocked = l.blocked(); status.Blocked != nil {
		status.VolumesUnknown, status.VersionsUnknown = true, true
		return status
	}
	// That little is free is no reason against it: it frees some.
	l.noStart = l.quiet(to)
	for _, v := range l.volumes() {
		_, excluded := l.excludes(layer, v.volume)
		if v.of.Kind == LayerSync || excluded || len(v.there) == 0 {
			continue
		}
		status.Volumes++
		status.Versions += len(v.there)
		l.relinkVolume(v, shares)
	}
	return status
}

func (l *offsiteLayer) relinkVolume(v offsiteVolume, shares map[string]Estimate) {
	regular := newCopyHistory(v.there, l.now).regular
	for i := 1; i < len(regular); i++ {
		a := l.relinkVersion(v, regular[i], regular[i-1])
		if e, asked := shares[a.ID]; shares != nil {
			if !asked || e.Files == 0 {
				continue
			}
			a.Copy.Estimate = &e
		}
		l.actions = append(l.actions, a)
	}
}

func (l *offsiteLayer) relinkVersion(v offsiteVolume, c, newer copyVersion) Action {
	at := path.Join(v.of.Directory, c.path)
	of := VersionAccess{Root: l.from.Path, Layer: v.of.Name, Volume: cmp.Or(l.volumeIn(v.of, c), v.name), Version: c.name, Path: at}
	if c.receipt != nil {
		of.Digest = c.receipt.Digest
	}
	a := Action{
		Kind: Relink, Layer: l.layer.Name, Volume: v.name, Version: path.Join(v.of.Name, c.name), VersionTime: c.time,
		Reason: Reason{ReasonSameFiles, "files that the version after it has too"}, Blocked: l.noStart,
		Copy: &CopyAction{
			Remote: l.remote(l.to), Destination: l.there.Path, RequireMount: l.to.RequireMount, Directory: v.of.Directory, Path: c.path, Previous: newer.path,
			Timeout: l.layer.Timeout, StartBefore: l.startBefore(l.to), From: &Access{Version: &of},
		},
	}
	a.ID = a.Address() + "@" + a.Version
	return a
}
