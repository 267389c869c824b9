package plan

import (
	"strings"
)

// planCleans makes an action for each thing that a killed run left behind. They
// come first in a plan, and belong to the layer that left them.
func (b *builder) planCleans() []Action {
	var cleans []Action
	add := func(layer, what, detail string, copied CopyAction) {
		cleans = append(cleans, Action{
			ID: "layer." + layer + ":" + what, Kind: Clean, Layer: layer, Volume: what, VersionTime: b.observation.Time,
			Reason: Reason{ReasonLeftover, detail}, Copy: &copied,
		})
	}
	for _, d := range b.observation.Disks {
		for _, name := range d.Unfinished {
			if layer := b.layerOfWork(d, name); layer != "" {
				add(layer, name, "a killed run was building or removing it", CopyAction{Destination: d.Path, Unfinished: name})
			}
		}
	}
	owners := b.openNames()
	for _, l := range b.observation.Leftovers {
		if owner := owners[l.Name]; owner != "" {
			add(owner, l.Name, "a killed run left it open: "+l.parts(), CopyAction{Leftover: &l})
		}
	}
	return cleans
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

// layerOfWork is the layer that a name in the work folder of a disk belongs to:
// they begin with the layer's name. One of a layer that is gone falls to any
// that writes there.
func (b *builder) layerOfWork(d Disk, name string) string {
	first, best := "", ""
	for _, l := range b.policy.Layers {
		destination, ok := b.policy.destination(l.To)
		if !ok || destination.Path != d.Path || !b.carriesOut(l) {
			continue
		}
		if first == "" {
			first = l.Name
		}
		if strings.HasPrefix(name, l.Name+"-") && len(l.Name) > len(best) {
			best = l.Name
		}
	}
	if best != "" {
		return best
	}
	return first
}

// openNames are the layers by what they may have left open: by the OpenNames of
// their volumes, and for all others that were found the first that opens any.
func (b *builder) openNames() map[string]string {
	owners, first := map[string]string{}, ""
	for _, l := range b.policy.Layers {
		if !b.carriesOut(l) || l.Kind == LayerSnapshot {
			continue
		}
		if first == "" {
			first = l.Name
		}
		from, ok := b.policy.Layer(l.From.Name)
		if l.From.Type != "layer" || !ok {
			continue
		}
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
