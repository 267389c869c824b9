package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
)

// warn collects what a person should know before reading the plan.
func (b *builder) warn() {
	if block := b.lastRunBlock(); block != nil {
		b.warnings = append(b.warnings, Warning{WarnClock, block.Detail, block.Unblock})
	}
	for _, u := range b.observation.Unknown {
		if !b.blocks(u) {
			b.warnings = append(b.warnings, Warning{WarnUnknown, u.Address + " could not be observed: " + u.Detail, ""})
		}
	}
	for _, source := range b.policy.Sources {
		if s, ok := b.surveyOf(source); ok && s.noNames != nil && !b.blocks(*s.noNames) && !b.listed(*s.noNames) {
			b.warnings = append(b.warnings, Warning{WarnUnknown, s.noNames.Address + " gave no names: " + s.noNames.Detail, "volumes have the names of their logical volumes"})
		}
	}
	b.warnFilter()
	b.warnSameMedium()
	asked := map[string]bool{}
	for _, source := range b.policy.Sources {
		s, ok := b.surveyOf(source)
		if !ok || s.cluster == nil {
			continue
		}
		address := ClusterAddress(*source.LVMThin.Kubernetes)
		if asked[address] {
			continue
		}
		asked[address] = true
		b.warnStaleNames(s, address)
		b.warnNamespaces(*s.cluster)
	}
}

// warnFilter finds patterns that select nothing, which would otherwise look
// like a plan without changes.
func (b *builder) warnFilter() {
	for _, pattern := range b.options.Filter.Volumes {
		if !b.anyVolume(pattern) {
			b.warnings = append(b.warnings, Warning{WarnNoMatch, fmt.Sprintf("no volume matches %q", pattern), "`bkplan plan -v` names them"})
		}
	}
}

// warnSameMedium finds copies that lie on the file system of their source: what
// takes the one takes the other. The same two places are told once for all layers.
func (b *builder) warnSameMedium() {
	type places struct{ tree, destination string }
	var found []places
	layers := map[places][]string{}
	for _, l := range b.policy.Layers {
		source, ok := b.policy.Source(l.From)
		to, toDisk := b.policy.Destination(l.To)
		if !ok || !toDisk || !b.carriesOut(l) {
			continue
		}
		for _, p := range source.trees() {
			at := places{p, to.Place()}
			if !b.sameMedium(p, to.Place()) {
				continue
			}
			if layers[at] == nil {
				found = append(found, at)
			}
			layers[at] = append(layers[at], l.Address())
		}
	}
	for _, at := range found {
		names, copies, those := enumerate(layers[at]), "copies", "the layer"
		if len(layers[at]) > 1 {
			copies, those = "copy", "the layers"
		}
		b.warnings = append(b.warnings, Warning{
			WarnSameMedium, fmt.Sprintf("%s %s %s onto the file system that it lies on, so it is no second medium", names, copies, at.tree),
			fmt.Sprintf("give %s a destination on another disk", those),
		})
	}
}

func (b *builder) sameMedium(tree, destination string) bool {
	from, found := b.observation.Tree(tree)
	to, seen := b.observation.Disk(destination)
	return found && seen && to.FileSystem.Device != "" && from.FileSystem.Device == to.FileSystem.Device
}

// enumerate names several things: "a, b and c".
func enumerate(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// listed says whether the observation itself tells of u.
func (b *builder) listed(u Unknown) bool {
	_, found := b.observation.Why(u.Address)
	return found
}

func (b *builder) anyVolume(pattern string) bool {
	claim := func(pv PersistentVolume) bool { return Match(pattern, claimName(pv)) }
	for _, s := range b.surveys {
		if slices.ContainsFunc(s.volumes, func(v volume) bool { return Match(pattern, v.name) }) ||
			slices.ContainsFunc(s.strays, claim) || slices.ContainsFunc(s.missing, claim) || slices.ContainsFunc(s.outside, claim) {
			return true
		}
	}
	for _, s := range b.policy.Sources {
		if s.LVMThin == nil && slices.ContainsFunc(b.volumesOf(s), func(name string) bool { return Match(pattern, name) }) {
			return true
		}
	}
	return false
}

// blocks says whether a layer is blocked because of u, and so tells of it.
func (b *builder) blocks(u Unknown) bool {
	return slices.ContainsFunc(b.layers, func(l LayerStatus) bool {
		return l.Blocked != nil && strings.HasPrefix(l.Blocked.Detail, u.Address+" ")
	})
}

func (b *builder) warnStaleNames(s survey, address string) {
	if !s.staleNames(b.observation) {
		return
	}
	age := b.observation.Time.Sub(s.cluster.Seen)
	b.warnings = append(b.warnings, Warning{
		WarnStaleNames,
		fmt.Sprintf("%s did not answer: %s; names are those of %s, %s old", address, s.cluster.Detail, b.clockText(s.cluster.Seen), Age(age)),
		"volumes newer than that are not known by name",
	})
}

// warnNamespaces finds names in the policy that the cluster does not have:
// most often a typing error that leaves something unprotected or included.
func (b *builder) warnNamespaces(c Cluster) {
	check := func(where string, namespaces []string) {
		for _, ns := range namespaces {
			if slices.Contains(c.Namespaces, ns) {
				continue
			}
			w := Warning{Code: WarnUnknownNamespace, Detail: fmt.Sprintf("%s names the namespace %q, which the cluster does not have", where, ns)}
			if near := nearest(ns, c.Namespaces); near != "" {
				w.Hint = fmt.Sprintf("did you mean %q?", near)
			}
			b.warnings = append(b.warnings, w)
		}
	}
	for _, p := range b.policy.Protections {
		check("policy."+p.Name, p.Namespaces)
	}
	for _, e := range b.policy.Excludes {
		check("exclude."+e.Name, e.Namespaces)
	}
}

// nearest is the candidate within a third of a word's length, or nothing.
func nearest(word string, candidates []string) string {
	best, found := max(1, len(word)/3)+1, ""
	for _, c := range candidates {
		if d := levenshtein.Distance(word, c, nil); d < best {
			best, found = d, c
		}
	}
	return found
}

// Age is a length of time as people say it: "26h", "3d", "40m". It is rounded
// down.
func Age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 72*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
