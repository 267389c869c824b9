package plan

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// planCleans makes an action for each thing that a killed run left behind. They
// come first in a plan, and belong to the layer that left them.
func (b *builder) planCleans() []Action {
	var cleans []Action
	add := func(layer, what, detail string, copied CopyAction) {
		cleans = append(cleans, Action{
			ID: Address(layer, what) + ":clean", Kind: Clean, Layer: layer, Volume: what, VersionTime: b.observation.Time,
			Reason: Reason{ReasonLeftover, detail}, Copy: &copied,
		})
	}
	for _, d := range b.observation.Disks {
		for _, name := range d.Unfinished {
			layer, destination, written := b.layerOfWork(d, name)
			if written && layer == "" && name != SynologyFolder {
				b.addDrift(Foreign, Place(d.Address, path.Join(d.Path, WorkFolder, name)), "", "no layer of this policy is at work on it: another machine may be, or a layer that is gone was",
					"it is never touched; remove it by hand when no other machine sends there")
			}
			if _, block := b.findDisk(destination); layer != "" && block == nil && plainPath(name, 1) && !b.continues(d, name) {
				add(layer, name, "a killed run was building or removing it", CopyAction{
					Remote: b.remote(destination), Destination: d.Path, RequireMount: destination.RequireMount, Unfinished: name,
				})
			}
		}
	}
	owners := b.openNames()
	for _, l := range b.observation.Leftovers {
		if owner := owners[l.Name]; owner == "" {
			b.addDrift(Orphaned, l.Name, "", "a killed run left it open, and no layer is left to clean it: "+l.parts(), "unmount, close and remove it by hand")
		} else {
			add(owner, l.Name, "a killed run left it open: "+l.parts(), CopyAction{Leftover: &l})
		}
	}
	slices.SortFunc(cleans, func(a, b Action) int { return strings.Compare(a.ID, b.ID) })
	return cleans
}

// continues says whether an action of the plan goes on with what an earlier run
// left over there: what was sent once need not be sent again, also where the action is
// blocked until later.
func (b *builder) continues(d Disk, name string) bool {
	return slices.ContainsFunc(b.actions, func(a Action) bool { return a.begun(d) == name })
}

// begun is the name below WorkFolder of what an earlier run began of an action over
// there, which it goes on with; empty where there is nothing. How much of it is there the
// plan does not know, only that it takes up room by now. On a disk of this machine each
// run begins anew.
func (a Action) begun(d Disk) string {
	if a.Copy == nil || a.Copy.Remote == nil || len(d.Unfinished) == 0 || d.Address == "" || a.Copy.Destination != d.Path {
		return ""
	}
	name := WorkName(a.Kind, a.Layer, a.Volume, a.Version)
	if !slices.Contains(d.Unfinished, name) {
		return ""
	}
	return name
}

// tellBegun adds what an earlier run began to a block for low space: it is not cleaned
// meanwhile, and may be what takes up the space.
func (a *Action) tellBegun(d Disk) {
	name := a.begun(d)
	if name == "" || a.Blocked == nil || a.Blocked.Code != BlockSpace {
		return
	}
	block := *a.Blocked
	block.Detail += "; what an earlier run began of it takes up room too, and stays to be gone on with: " + path.Join(WorkFolder, name)
	a.Blocked = &block
}

// parts says what of a leftover there is.
func (l Leftover) parts() string {
	var parts []string
	for _, p := range []struct{ noun, name string }{{"mount ", l.Mounted}, {"mapping ", l.Mapping}, {"clone ", l.Clone}} {
		if p.name != "" {
			parts = append(parts, p.noun+p.name)
		}
	}
	return strings.Join(parts, ", ")
}

// SynologyFolder is what a Synology keeps for itself in any folder.
const SynologyFolder = "@eaDir"

// layerOfWork is the layer that a name in the work folder of a disk belongs to: they
// begin with the layer's name. On a disk of this machine one of a layer that is gone
// falls to any that writes there. To another machine others may send, at this moment
// too: there it falls to none. Written says that any layer writes there.
func (b *builder) layerOfWork(d Disk, name string) (layer string, at Destination, written bool) {
	first, best := "", ""
	for _, l := range b.policy.Layers {
		destination, ok := b.policy.Destination(l.To)
		if !ok || b.rootOf(l, destination) != d.Place() || !b.carriesOut(l) {
			continue
		}
		at, written = destination, true
		switch {
		case isWorkOf(l.Name, name):
			best = l.Name
		case first == "" && d.Address == "":
			first = l.Name
		}
	}
	return cmp.Or(best, first), at, written
}

// rootOf is the place of the root below which a layer works at its destination.
func (b *builder) rootOf(l Layer, to Destination) string {
	if l.From.Type == "destination" {
		return Place(to.Address, path.Join(to.Path, l.Directory))
	}
	return to.Place()
}

// openNames are the layers by what they may have left open: by the OpenNames of
// their volumes, and for all others that were found the first that opens any.
func (b *builder) openNames() map[string]string {
	owners, first := map[string]string{}, ""
	for _, l := range b.policy.Layers {
		from, ok := b.policy.Layer(l.From.Name)
		if l.From.Type != "layer" || !ok || !b.carriesOut(l) {
			continue
		}
		first = cmp.Or(first, l.Name)
		for _, v := range b.surveys[from.From.Name].volumes {
			owners[OpenName(l.Name, v.name)] = l.Name
		}
	}
	for _, l := range b.observation.Leftovers {
		if owners[l.Name] == "" {
			owners[l.Name] = first
		}
	}
	return owners
}
