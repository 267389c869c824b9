package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/bkplan/bkplan/internal/plan"
)

// check looks across blocks that are each in order.
func (e *evaluator) check(p plan.Policy) {
	e.checkOverlaps(p)
	e.checkCircles(p)
	e.checkArtifacts(p)
	e.checkSelections(p)
	e.checkStale(p)
}

// checkCircles reports sync layers that copy a destination, by way of others,
// back into itself: deletes would go round, and copies grow without end.
func (e *evaluator) checkCircles(p plan.Policy) {
	onward := map[string][]plan.Layer{}
	for _, l := range p.Layers {
		if l.From.Type == "destination" {
			onward[l.From.Name] = append(onward[l.From.Name], l)
		}
	}
	visited := map[string]bool{}
	for _, start := range p.Destinations {
		e.walkCircle(onward, visited, nil, start.Name)
	}
}

// walkCircle follows the layers that copy out of a destination; path is how it
// was reached.
func (e *evaluator) walkCircle(onward map[string][]plan.Layer, visited map[string]bool, path []plan.Layer, name string) {
	from := slices.IndexFunc(path, func(l plan.Layer) bool { return l.From.Name == name })
	if from >= 0 {
		if len(path)-from > 1 { // one alone copies into itself
			e.circle(path[from:])
		}
		return
	}
	if visited[name] {
		return
	}
	visited[name] = true
	for _, l := range onward[name] {
		e.walkCircle(onward, visited, append(slices.Clone(path), l), l.To.Name)
	}
}

func (e *evaluator) circle(layers []plan.Layer) {
	steps := layers[0].From.String()
	for _, l := range layers {
		steps += fmt.Sprintf(" → %s (%s)", l.To, l.Address())
	}
	e.errorAt(e.layerPlace(layers[0], "from"), problem{
		code: "cycle", summary: "layers copy in a circle", detail: steps + ".",
		hint: "copy in one direction: from the place nearest to the data to the farthest",
	})
}

// territory is what a layer owns: a tree of a host, or the files of one that
// match.
type territory struct {
	hostPath
	layer plan.Layer
	files []string // segments of a glob of the whole path; none is the tree
}

// hostPath is a tree; the host "" is this one.
type hostPath struct{ host, path string }

// checkOverlaps reports layers that would reap what another one wrote, or write
// into what a layer copies from; and copies on the medium of the live data.
func (e *evaluator) checkOverlaps(p plan.Policy) {
	owned := map[hostPath][]territory{}
	var all []territory
	read := readers{}
	for _, l := range p.Layers {
		t, ok := territoryOf(p, l)
		if !ok {
			continue
		}
		all = append(all, t)
		owned[t.hostPath] = append(owned[t.hostPath], t)
		if !e.checkRecursion(p, t) {
			read.add(p, l)
		}
	}
	for _, t := range all {
		if other, found := t.overlapping(owned); found {
			e.overlap(t, other)
		}
		e.checkReserved(p, t)
		e.checkCopyOfCopies(p, t, read)
		e.checkMedium(p, t, read)
	}
}

// overlapping finds a layer whose directory is around this one's, or the same;
// of two with the same, the later finds the earlier.
func (t territory) overlapping(owned map[hostPath][]territory) (territory, bool) {
	for at := t.hostPath; ; at.path = path.Dir(at.path) {
		for _, other := range owned[at] {
			if other.layer.Name == t.layer.Name {
				break
			}
			if t.files == nil || other.files == nil || !disjoint(t.files, other.files) {
				return other, true
			}
		}
		if at.path == "/" {
			return territory{}, false
		}
	}
}

func territoryOf(p plan.Policy, l plan.Layer) (territory, bool) {
	i := slices.IndexFunc(p.Destinations, func(d plan.Destination) bool { return d.Name == l.To.Name })
	if l.To.Name == "" || i < 0 || p.Destinations[i].Path == "" || l.Directory == "" {
		return territory{}, false
	}
	t := territory{layer: l, hostPath: hostPath{hostOf(p.Destinations[i]), path.Join(p.Destinations[i].Path, l.Directory)}}
	if l.Kind == plan.LayerDump && l.Files != "" {
		t.files = strings.Split(path.Join(t.path, l.Files), "/")
	}
	return t, true
}

// inside reports whether inner is outer or below it.
func inside(inner, outer string) bool {
	return inner == outer || outer == "/" || strings.HasPrefix(inner, outer+"/")
}

// disjoint reports whether two globs surely match no common path: they differ
// in depth, or in the plain ends of a segment.
func disjoint(a, b []string) bool {
	if len(a) != len(b) {
		return true
	}
	for i := range a {
		prefixA, suffixA := plainEnds(a[i])
		prefixB, suffixB := plainEnds(b[i])
		if !strings.HasPrefix(prefixA, prefixB) && !strings.HasPrefix(prefixB, prefixA) ||
			!strings.HasSuffix(suffixA, suffixB) && !strings.HasSuffix(suffixB, suffixA) {
			return true
		}
	}
	return false
}

// plainEnds returns what a pattern starts and ends with, up to its wildcards.
func plainEnds(pattern string) (prefix, suffix string) {
	const special = `*?[]\`
	i := strings.IndexAny(pattern, special)
	if i < 0 {
		return pattern, pattern
	}
	return pattern[:i], pattern[strings.LastIndexAny(pattern, special)+1:]
}

func (e *evaluator) overlap(t, other territory) {
	at := e.declared.at(plan.Ref{Type: "layer", Kind: other.layer.Kind, Name: other.layer.Name})
	p := problem{
		code:    "overlapping_layers",
		summary: fmt.Sprintf("the directories of layer.%s and layer.%s overlap", t.layer.Name, other.layer.Name),
		detail: fmt.Sprintf("%s and %s (%s): a layer owns its directory, and removes what it does not know there.",
			t.path, other.path, place(at)),
		hint: "give each layer a directory of its own",
	}
	if t.layer.Kind == plan.LayerDump && other.layer.Kind == plan.LayerDump {
		p.hint += `, or tell their dumps apart with files = "…"`
	}
	e.errorAt(e.layerPlace(t.layer, "directory"), p)
}

// hostOf is the host of a destination, without the user: "" is this one.
func hostOf(d plan.Destination) string { return d.Address[strings.IndexByte(d.Address, '@')+1:] }

// layerPlace is where an attribute of a layer has its value.
func (e *evaluator) layerPlace(l plan.Layer, attribute string) hcl.Range {
	for _, d := range e.declared.named("layer", l.Name) {
		return e.body("", d.block).rangeOf(attribute)
	}
	return hcl.Range{}
}

// checkArtifacts reports layers that want files of a pfSense that is asked by
// its API alone.
func (e *evaluator) checkArtifacts(p plan.Policy) {
	for _, l := range p.Layers {
		if l.Artifact != plan.ArtifactFiles {
			continue
		}
		i := slices.IndexFunc(p.Sources, func(s plan.Source) bool { return s.Kind == l.From.Kind && s.Name == l.From.Name })
		if i < 0 || p.Sources[i].PFSense == nil || p.Sources[i].PFSense.APIURL == "" || p.Sources[i].PFSense.Address != "" {
			continue
		}
		e.errorAt(e.layerPlace(l, "artifact"), problem{
			code:    "artifact_out_of_reach",
			summary: fmt.Sprintf("layer.%s wants files, and %s has no address", l.Name, l.From),
			detail:  fmt.Sprintf("Files are read by ssh; the API (%s) gives config.xml only.", place(e.declared.at(l.From))),
			hint:    fmt.Sprintf(`write address = "root@…" in %s, or artifact = %q`, l.From, plan.ArtifactConfig),
		})
	}
}

// checkSelections reports two policy blocks that select the same, so that
// neither is the narrower one.
func (e *evaluator) checkSelections(p plan.Policy) {
	seen := map[string]string{}
	for _, protection := range p.Protections {
		key := fmt.Sprintf("%q %q %q", protection.Sources, protection.Namespaces, protection.Volumes)
		before, taken := seen[key]
		if !taken {
			seen[key] = protection.Name
			continue
		}
		for _, d := range e.declared.named("policy", protection.Name) {
			e.errorAt(d.block.DefRange(), problem{
				code:    "ambiguous_policy",
				summary: fmt.Sprintf("policy %q selects what policy %q selects", protection.Name, before),
				detail:  "The narrowest selection that matches a volume wins; between these two there is none.",
				hint:    "select by sources, namespaces or volumes, or make one block of the two",
			})
		}
	}
}
