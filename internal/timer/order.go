package timer

import (
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

// feeders are, by name of a layer, the layers whose versions it reads.
type feeders map[string][]string

// feedersOf finds which of the layers feed which. It has no circle: systemd would
// break one by leaving out a job.
func feedersOf(p plan.Policy, layers []plan.Layer) feeders {
	f := feeders{}
	for _, l := range layers {
		for _, from := range layers {
			if from.Name != l.Name && feeds(p, from, l) && !f.reaches(from.Name, l.Name) {
				f[l.Name] = append(f[l.Name], from.Name)
			}
		}
	}
	return f
}

// feeds says whether a layer reads what another one writes.
func feeds(p plan.Policy, from, to plan.Layer) bool {
	switch to.From.Type {
	case "layer":
		return to.From.Name == from.Name
	case "destination":
		return to.From == from.To
	}
	destination, found := p.Destination(from.To)
	if !found || destination.Address != "" {
		return false
	}
	for _, tree := range treesOf(p, to) {
		if within(destination.Path+"/"+from.Directory, tree) {
			return true
		}
	}
	return false
}

// reaches says whether a layer reads, by way of others, what another one writes.
func (f feeders) reaches(layer, other string) bool {
	if layer == other {
		return true
	}
	for _, next := range f[layer] {
		if f.reaches(next, other) {
			return true
		}
	}
	return false
}

// feedsAny says whether another layer reads what a layer writes.
func (f feeders) feedsAny(layer string) bool {
	for _, list := range f {
		for _, name := range list {
			if name == layer {
				return true
			}
		}
	}
	return false
}

// treesOf are the trees of this machine that a layer reads.
func treesOf(p plan.Policy, l plan.Layer) []string {
	source, _ := p.Source(l.From)
	if source.Directory != nil {
		return []string{source.Directory.Path}
	}
	return source.Paths
}

func within(inner, outer string) bool {
	return inner == outer || strings.HasPrefix(inner, strings.TrimSuffix(outer, "/")+"/")
}
