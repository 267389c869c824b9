package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// StaleAction is an action of a saved plan that relies on something that has
// changed.
type StaleAction struct {
	ID     string
	Detail string
}

// StaleActions looks whether what a plan's actions rely on still holds in a newer
// observation, and lists those for which it does not. The policy must be the
// one the plan was made from.
func StaleActions(p Plan, policy Policy, fresh Observation) []StaleAction {
	b := builder{policy: policy, observation: fresh, now: fresh.Time}
	b.survey()
	again := rebuild(p, policy, fresh)
	var stale []StaleAction
	for _, a := range p.Actions {
		if a.Blocked != nil {
			continue
		}
		if detail := cmp.Or(b.violated(a), again.refused(a)); detail != "" {
			stale = append(stale, StaleAction{a.ID, detail})
		}
	}
	return stale
}

// rebuilt is the plan for the same instant, from what is there now.
type rebuilt struct {
	actions map[string]Action
	layers  map[string]LayerStatus
	clock   *Block
}

// rebuild plans again, so that all that blocks an action now is found: a volume
// that is excluded since, names that are not known any more, a newest version
// that looks wrong.
func rebuild(p Plan, policy Policy, fresh Observation) rebuilt {
	last := builder{policy: policy, observation: fresh, now: fresh.Time}
	r := rebuilt{actions: map[string]Action{}, layers: map[string]LayerStatus{}, clock: last.lastRunBlock()}
	options := Options{Filter: p.Filter}
	for _, a := range p.Actions {
		if a.Copy != nil && a.Copy.AcceptLoss && !slices.Contains(options.Acknowledge, a.Layer) {
			options.Acknowledge = append(options.Acknowledge, a.Layer)
		}
	}
	fresh.LastRun = time.Time{} // runs since then are no reason
	again := (&builder{policy: policy, observation: fresh, now: p.Time, options: options, unbounded: true}).build()
	for _, a := range again.Actions {
		r.actions[a.ID] = a
	}
	for _, l := range again.Layers {
		r.layers[l.Name] = l
	}
	return r
}

// refused says why the action would not be planned now; empty if it would.
func (r rebuilt) refused(a Action) string {
	if block := r.layers[a.Layer].Blocked; block != nil && a.Kind != Clean {
		return block.Detail
	}
	now, planned := r.actions[a.ID]
	switch {
	case !planned:
		return "by what is there now it would not be planned any more"
	case now.Kind != a.Kind || now.Version != a.Version:
		return fmt.Sprintf("it would be planned as %s %s now", now.Kind, now.Version)
	case now.Blocked != nil:
		return now.Blocked.Detail
	case a.Kind == Prune && r.clock != nil:
		return r.clock.Detail
	case a.Kind == Prune && !slices.Equal(now.DependsOn, a.DependsOn):
		return "it would wait for another action now: " + cmp.Or(strings.Join(now.DependsOn, ", "), "none")
	case a.mountPoint() != now.mountPoint():
		return fmt.Sprintf("its source lies on %s now, and lay on %s", now.mountPoint(), a.mountPoint())
	}
	return ""
}

// mountPoint is that of the action's source; empty where it is not looked at.
func (a Action) mountPoint() string {
	if a.Copy == nil || a.Copy.From == nil {
		return ""
	}
	return a.Copy.From.MountPoint
}

func (b *builder) violated(a Action) string {
	layer, known := b.policy.Layer(a.Layer)
	if !known {
		return "the policy has no such layer"
	}
	if a.Snapshot == nil {
		return "" // planning anew has looked at all that it relies on
	}
	s := b.surveys[layer.From.Name]
	if s.unknown != nil {
		return fmt.Sprintf("%s could not be observed: %s", s.unknown.Address, s.unknown.Detail)
	}
	if a.Kind == Prune && !s.isVersion(a.Snapshot.Origin, a.Snapshot.Name) {
		return fmt.Sprintf("%s/%s is no version of %s any more", a.Snapshot.VolumeGroup, a.Snapshot.Name, a.Snapshot.Origin)
	}
	for _, p := range a.Preconditions {
		if p.Kind == NewestIs {
			if detail := b.newestChanged(a, layer, s, p.Name); detail != "" {
				return detail
			}
			continue
		}
		if v := s.facts.Check(p); v != nil {
			return v.Detail
		}
	}
	return ""
}

// isVersion says that a logical volume is still recognised as a version: one
// that a persistent volume names by now is live.
func (s survey) isVersion(origin, name string) bool {
	return slices.ContainsFunc(s.snapshots[origin], func(v snapshot) bool { return v.lv.Name == name })
}

func (b *builder) newestChanged(a Action, layer Layer, s survey, was string) string {
	l := snapshotLayer{builder: b, layer: layer, survey: s}
	history := newHistory(l.versions(volume{lvName: a.Snapshot.Origin}), b.now)
	newest := ""
	if history.newest != nil {
		newest = history.newest.lv.Name
	}
	if newest == was {
		return ""
	}
	return fmt.Sprintf("its newest version is %s now, and was %s", cmp.Or(newest, "none"), cmp.Or(was, "none"))
}
