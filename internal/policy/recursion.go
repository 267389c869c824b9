package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

// tree is what a layer copies from. With each, the volumes are those of its
// children that match.
type tree struct {
	hostPath
	each string
}

// treesOf lists the trees that a layer copies.
func treesOf(p plan.Policy, l plan.Layer) []tree {
	var trees []tree
	for _, d := range p.Destinations {
		if l.From.Type == "destination" && d.Name == l.From.Name && d.Path != "" {
			trees = append(trees, tree{hostPath: hostPath{hostOf(d), d.Path}})
		}
	}
	for _, s := range p.Sources {
		if l.From.Type != "source" || s.Name != l.From.Name || s.Kind != l.From.Kind {
			continue
		}
		if s.Directory != nil && s.Directory.Path != "" {
			one := tree{hostPath: hostPath{path: s.Directory.Path}}
			if l.Kind != plan.LayerSync { // which copies the whole of it
				one.each = s.Directory.Each
			}
			trees = append(trees, one)
		}
		for _, root := range s.Paths {
			trees = append(trees, tree{hostPath: hostPath{path: root}})
		}
	}
	return trees
}

// covers reports whether the layer copies what is at a place, by way of this
// tree.
func (t tree) covers(p plan.Policy, l plan.Layer, at hostPath) bool {
	if t.host != at.host || !inside(at.path, t.path) {
		return false
	}
	below := strings.TrimPrefix(at.path, strings.TrimSuffix(t.path, "/"))
	if t.each != "" && below != "" {
		child, rest, _ := strings.Cut(below[1:], "/")
		if !plan.Match(t.each, child) || volumeExcluded(p, l, child) {
			return false
		}
		below = "/" + rest
	}
	return !leavesOut(l, below)
}

// leavesOut reports whether a pattern that is anchored at the volume leaves a
// path below it out.
func leavesOut(l plan.Layer, below string) bool {
	return slices.ContainsFunc(l.Exclude, func(pattern string) bool {
		return strings.HasPrefix(pattern, "/") && inside(below, path.Clean(pattern))
	})
}

// volumeExcluded reports whether an exclude block leaves a volume out of a
// layer.
func volumeExcluded(p plan.Policy, l plan.Layer, volume string) bool {
	return slices.ContainsFunc(p.Excludes, func(x plan.Exclude) bool {
		return (len(x.Layers) == 0 || slices.Contains(x.Layers, l.Name)) &&
			slices.ContainsFunc(x.Volumes, func(pattern string) bool { return plan.Match(pattern, volume) })
	})
}

// checkRecursion reports a tree that is copied into itself, or over itself, and
// says whether it is.
func (e *evaluator) checkRecursion(p plan.Policy, t territory) bool {
	for _, from := range treesOf(p, t.layer) {
		over := from.host == t.host && inside(from.path, t.path)
		if over || from.covers(p, t.layer, t.hostPath) {
			e.errorAt(e.layerPlace(t.layer, "directory"), problem{
				code:    "copy_into_itself",
				summary: fmt.Sprintf("layer.%s copies a tree into itself", t.layer.Name),
				detail:  fmt.Sprintf("It copies from %s to %s.", from.path, t.path),
				hint:    "copy to a place outside of the source",
			})
			return true
		}
	}
	return false
}

// reader is a layer that copies a tree.
type reader struct {
	tree
	layer plan.Layer
}

// readers are layers that copy trees, by their roots; none of them copies into
// itself.
type readers map[hostPath][]reader

func (rs readers) add(p plan.Policy, l plan.Layer) {
	for _, t := range treesOf(p, l) {
		rs[t.hostPath] = append(rs[t.hostPath], reader{t, l})
	}
}

// of finds a layer that copies the territory and is wanted.
func (rs readers) of(p plan.Policy, t territory, wanted func(plan.Layer) bool) (reader, bool) {
	for root := t.hostPath; ; root.path = path.Dir(root.path) {
		for _, r := range rs[root] {
			if wanted(r.layer) && r.covers(p, r.layer, t.hostPath) {
				return r, true
			}
		}
		if root.path == "/" {
			return reader{}, false
		}
	}
}

// checkCopyOfCopies reports a layer whose copies another one copies again, to
// the same destination: versions would hold versions, and grow each time.
func (e *evaluator) checkCopyOfCopies(p plan.Policy, t territory, read readers) {
	if t.layer.Kind == plan.LayerDump { // a file that somebody else writes
		return
	}
	again, found := read.of(p, t, func(l plan.Layer) bool {
		return (l.Kind == plan.LayerFiles || l.Kind == plan.LayerSQLite) && l.To == t.layer.To
	})
	if !found {
		return
	}
	at := e.declared.at(plan.Ref{Type: "layer", Kind: again.layer.Kind, Name: again.layer.Name})
	e.errorAt(e.layerPlace(t.layer, "directory"), problem{
		code:    "copy_of_copies",
		summary: fmt.Sprintf("layer.%s copies the copies of layer.%s", again.layer.Name, t.layer.Name),
		detail: fmt.Sprintf("%s lies in %s, which layer.%s (%s) copies to the same destination: its versions would hold versions.",
			t.path, again.path, again.layer.Name, place(at)),
		hint: fmt.Sprintf("copy to a place outside of %s, or leave this one out of layer.%s", again.path, again.layer.Name),
	})
}

// checkReserved reports a directory in what bkplan keeps for itself at a
// destination.
func (e *evaluator) checkReserved(p plan.Policy, t territory) {
	for _, d := range p.Destinations {
		own := path.Join(d.Path, plan.OwnFolder)
		if d.Path == "" || hostOf(d) != t.host || !inside(t.path, own) {
			continue
		}
		e.errorAt(e.layerPlace(t.layer, "directory"), problem{
			code:    "reserved_directory",
			summary: fmt.Sprintf("layer.%s has its directory in %s", t.layer.Name, plan.OwnFolder),
			detail:  fmt.Sprintf("In %s bkplan keeps the receipts of the copies, and what it is working on.", own),
			hint:    "name another directory",
		})
		return
	}
}
