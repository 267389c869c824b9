package plan

import (
	"fmt"
	"maps"
	"path"
	"slices"
)

// driftOfTrees finds volumes of this machine's directories that nothing
// protects or that are stale, and what lies beside them.
func (b *builder) driftOfTrees() {
	for _, s := range b.policy.Sources {
		if s.Directory == nil && s.Paths == nil {
			continue
		}
		layers := b.layersOf(Ref{"source", s.Kind, s.Name})
		unseen := false
		for _, p := range s.trees() {
			if _, found := b.observation.Tree(p); !found {
				b.driftOfUnlisted(b.unseen(TreeAddress(p)))
				unseen = true
			}
		}
		if unseen {
			continue
		}
		for _, name := range b.volumesOf(s) {
			b.driftOfVolume(s.Name, volume{name: name}, layers)
		}
		if d := s.Directory; d != nil && d.Each != "" {
			b.driftOfStrayEntries(*d)
		}
	}
}

// trees are the paths of a source.
func (s Source) trees() []string {
	if s.Directory != nil {
		return []string{s.Directory.Path}
	}
	return s.Paths
}

// driftOfStrayEntries reports what lies among the volumes of a directory and
// is none: nothing copies it.
func (b *builder) driftOfStrayEntries(d DirectorySource) {
	tree, _ := b.observation.Tree(d.Path)
	for _, c := range tree.Children {
		switch {
		case c.Odd:
			b.addDrift(Unprotected, path.Join(d.Path, c.Name), "", "its name is not UTF-8, so it can be no volume", "rename it")
		case c.Name == OwnFolder:
		case c.Type != EntryFolder && Match(d.Each, c.Name):
			b.addDrift(Unprotected, path.Join(d.Path, c.Name), "", fmt.Sprintf("%s beside the directories, which are the volumes", c.Type.noun()), "move it into one of them")
		case c.Type == EntryFolder && !b.isVolume(d.Path, c.Name):
			b.addDrift(Unmatched, path.Join(d.Path, c.Name), "", "directory that no source matches", "")
		}
	}
}

// isVolume says whether any source takes a directory in a tree.
func (b *builder) isVolume(tree, name string) bool {
	return slices.ContainsFunc(b.policy.Sources, func(s Source) bool {
		return s.Directory != nil && s.Directory.Path == tree && (s.Directory.Each == "" || Match(s.Directory.Each, name))
	})
}

// noun is what people call it.
func (t EntryType) noun() string {
	switch t {
	case EntryLink:
		return "a link"
	case EntryOther:
		return "neither file nor directory"
	}
	return "a " + string(t)
}

// driftOfDisks finds what the directories of the layers hold and no layer made,
// and receipts that are none.
func (b *builder) driftOfDisks() {
	for _, d := range b.policy.Destinations {
		if !b.writesTo(d) {
			continue
		}
		disk, found := b.observation.Disk(d.Place())
		if !found {
			b.driftOfUnlisted(b.unseen(DiskAddress(d.Place())))
			continue
		}
		for _, bad := range disk.Bad {
			b.addDrift(Suspect, path.Join(ReceiptFolder, bad.File), "", "no receipt: "+bad.Detail, "the version counts as one without a receipt; `bkplan verify --adopt` gives it a new one")
		}
		b.driftOfReceipts(d, disk)
	}
}

// writesTo says whether a layer that is carried out has the destination.
func (b *builder) writesTo(d Destination) bool {
	for _, l := range b.policy.Layers {
		if l.To.Name == d.Name && b.carriesOut(l) {
			return true
		}
	}
	return false
}

// driftOfReceipts finds receipts of layers that the policy does not have any
// more (safety rule 10): what they prove is there, is kept and is nobody's.
func (b *builder) driftOfReceipts(d Destination, disk Disk) {
	left := map[string][]Receipt{}
	for _, r := range disk.Receipts {
		if l, known := b.policy.Layer(r.Layer); !known || l.To.Name != d.Name {
			left[r.Layer] = append(left[r.Layer], r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		b.addDrift(Orphaned, d.Place(), name, fmt.Sprintf("%s left by layer.%s, which is not in the policy any more", sized(len(left[name]), left[name]), name), "remove them by hand if they are not needed")
	}
}

// driftOfHolding reports what lies in a layer's directory and is no version of
// it, and what is there twice as suspect.
func (l *copyLayer) driftOfHolding() {
	for _, e := range l.holding.foreign {
		l.addDrift(Foreign, path.Join(l.destination.Path, l.layer.Directory, e.Path), l.layer.Name, "no version of this layer", "it is never touched; remove it by hand if it is not needed")
	}
	for _, r := range l.holding.lost {
		l.addDrift(Suspect, r.Volume, l.layer.Name, fmt.Sprintf("version %s has a receipt, and is not there: %s", r.Version, path.Join(l.destination.Path, r.Path)),
			"if it was removed or moved by hand, remove its receipt below "+ReceiptFolder+" too")
	}
	for _, v := range l.volumes {
		h := newCopyHistory(l.holding.of(v.path), l.now)
		if h.shrunk != nil {
			l.addDrift(Suspect, v.name, l.layer.Name, l.shrunkText(h), "look at it; while it is so nothing of the volume is pruned")
		}
	}
}
