package plan

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// offsiteVolume is what a layer keeps of a volume on the disk, here and over there,
// newest first. A synced tree is a version without a name.
type offsiteVolume struct {
	volume
	of    Layer
	path  string        // as in holding
	held  []copyVersion // all that is on the disk, and what this plan makes
	here  []copyVersion // of these what is proven complete, or made by this plan
	there []copyVersion
}

// volumes are those of the layers that keep something on the disk.
func (l *offsiteLayer) volumes() []offsiteVolume {
	var list []offsiteVolume
	total, parts := 0, []string(nil) // without a receipt
	for _, of := range l.owners() {
		if of.Kind == LayerSync {
			list = append(list, l.tree(of))
			continue
		}
		here, there := l.holdingOf(of, l.here), l.holdingOf(of, l.there)
		l.addPending(of, here)
		paths := map[string]bool{}
		for p := range maps.Keys(here.versions) {
			paths[p] = true
		}
		for p := range maps.Keys(there.versions) {
			paths[p] = true
		}
		unproven := 0
		for _, p := range slices.Sorted(maps.Keys(paths)) {
			v := offsiteVolume{of: of, path: p, held: here.of(p), there: there.of(p)}
			v.here = keep(v.held, func(c copyVersion) bool { return c.receipt != nil || l.isPending(of, c) })
			unproven += len(v.held) - len(v.here)
			v.volume = l.named(of, p, slices.Concat(v.here, v.there))
			list = append(list, v)
		}
		if unproven > 0 {
			total += unproven
			parts = append(parts, fmt.Sprintf("%d of %s", unproven, of.Address()))
		}
		l.driftOfStray(of, there)
	}
	if total > 0 {
		l.warnings = append(l.warnings, Warning{WarnUnproven, fmt.Sprintf("%s does not copy %s without a receipt: %s", l.layer.Address(), count(total, "version"), strings.Join(parts, ", ")),
			"`bkplan verify --adopt` gives each of them one"})
	}
	return list
}

// holdingOf is what a disk holds for a layer.
func (l *offsiteLayer) holdingOf(of Layer, disk Disk) holding {
	folder, _ := disk.Folder(of.Directory)
	return (&copyLayer{builder: l.builder, layer: of, disk: disk, folder: folder}).recognise()
}

// addPending adds what this plan makes. Its receipt is not written yet.
func (l *offsiteLayer) addPending(of Layer, h holding) {
	for _, at := range slices.Sorted(maps.Keys(l.pending)) {
		a := l.pending[at]
		if a.Layer != of.Name {
			continue
		}
		_, p, _ := strings.Cut(a.Copy.Path, "/")
		h.versions[p] = with(h.versions[p], a)
	}
}

func (l *offsiteLayer) isPending(of Layer, v copyVersion) bool {
	_, pending := l.pending[path.Join(of.Directory, v.path)]
	return pending
}

// tree is the one copy that a sync layer has.
func (l *offsiteLayer) tree(of Layer) offsiteVolume {
	v := offsiteVolume{of: of, volume: volume{name: of.From.Name}}
	version := func(d Disk) []copyVersion {
		r := d.receiptOf(of.Name, of.Directory)
		if r == nil {
			return nil
		}
		v.name = r.Volume
		return []copyVersion{{start: r.Started, time: r.Started, receipt: r}}
	}
	v.there, v.here = version(l.there), version(l.here)
	if a, pending := l.pending[of.Directory]; pending {
		v.here = []copyVersion{{start: a.VersionTime, time: a.VersionTime}}
	}
	v.held = v.here
	return v
}

// isGone says that nothing follows the versions over there: the source of their layer
// does not have the volume any more, and the disk has no version of it, proven or not.
func (l *offsiteLayer) isGone(v offsiteVolume) bool {
	live, known := l.live[v.of.Name]
	return known && !live[v.path] && len(v.held) == 0 && len(v.there) > 0
}

// orphans reports versions over there that nothing new will follow.
func (l *offsiteLayer) orphans(v offsiteVolume, why string) {
	l.addDrift(Orphaned, v.name, l.layer.Name, fmt.Sprintf("%s of %s left, the newest of %s: %s", sized(len(v.there), receiptsOf(v.there)), v.of.Address(), l.clockText(v.there[0].time), why),
		"remove by hand what is not wanted; the newest is never pruned")
}

// named has the name that the layer knows a volume by: receipts tell it, and what
// makes them.
func (l *offsiteLayer) named(of Layer, at string, versions []copyVersion) volume {
	v := volume{name: cmp.Or(strings.TrimPrefix(at, unclaimedFolder+"/"), of.From.Name)}
	if i := slices.IndexFunc(versions, func(c copyVersion) bool { return l.volumeIn(of, c) != "" }); i >= 0 {
		v.name = l.volumeIn(of, versions[i])
	}
	if of.From.Type == "layer" {
		v.namespace, _, _ = strings.Cut(at, "/")
	}
	return v
}

// volumeIn is the volume's name in a version's receipt, or in the one to be.
func (l *offsiteLayer) volumeIn(of Layer, c copyVersion) string {
	if c.receipt != nil {
		return c.receipt.Volume
	}
	return l.pending[path.Join(of.Directory, c.path)].Volume
}

// driftOfStray reports what lies in a layer's directory over there and is no
// version, and receipts of what is not there.
func (l *offsiteLayer) driftOfStray(of Layer, there holding) {
	for _, e := range there.foreign {
		l.addDrift(Foreign, Place(l.to.Address, path.Join(l.there.Path, of.Directory, e.Path)), l.layer.Name, "no version of "+of.Address(), "it is never touched; remove it by hand if it is not needed")
	}
	for _, r := range there.lost {
		l.addDrift(Suspect, r.Volume, l.layer.Name, fmt.Sprintf("version %s of %s has a receipt over there, and is not there", r.Version, of.Address()),
			"if it was removed by hand, remove its receipt below "+ReceiptFolder+" too")
	}
}

// driftOfCopy reports what the copy has beyond the disk, and what looks wrong.
func (l *offsiteLayer) driftOfCopy(volumes []offsiteVolume) {
	for _, v := range volumes {
		if h := newCopyHistory(v.there, l.now); h.shrunk != nil {
			l.addDrift(Suspect, v.name, l.layer.Name, l.shrunkText(v, h), "look at it; while it is so nothing of the volume is pruned over there")
		}
	}
	for _, bad := range l.there.Bad {
		l.addDrift(Suspect, Place(l.to.Address, path.Join(l.there.Path, ReceiptFolder, bad.File)), l.layer.Name, "no receipt: "+bad.Detail, "the version counts as one without a receipt, and is sent again")
	}
	l.driftOfForgotten()
	top, _ := l.there.Folder(".")
	local, _ := l.here.Folder(".")
	for _, e := range local.Entries {
		if e.Odd {
			l.addDrift(Unprotected, path.Join(l.from.Path, e.Path), l.layer.Name, "its name is not UTF-8, so it is not sent to "+l.there.Place(), "rename it")
		}
	}
	for _, e := range top.Entries {
		same := func(other Entry) bool { return other.Path == e.Path }
		holds := func(of Layer) bool { return under(of.Directory, e.Path) }
		if e.Path != OwnFolder && !slices.ContainsFunc(local.Entries, same) && !slices.ContainsFunc(l.owners(), holds) {
			l.addDrift(Foreign, Place(l.to.Address, path.Join(l.there.Path, e.Path)), l.layer.Name, fmt.Sprintf("%s that %s does not have", e.Type.noun(), l.from.Path), "it is never touched; remove it by hand if it is not needed")
		}
	}
}

// driftOfForgotten finds copies of layers that the policy does not have any more
// (safety rule 10).
func (l *offsiteLayer) driftOfForgotten() {
	left := map[string][]Receipt{}
	for _, r := range l.there.Receipts {
		if of, known := l.policy.Layer(r.Layer); r.Layer != l.layer.Name && (!known || of.To.Name != l.from.Name) {
			left[r.Layer] = append(left[r.Layer], r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		l.addDrift(Orphaned, l.there.Place(), name, fmt.Sprintf("%s left by layer.%s, which does not keep anything on %s any more", sized(len(left[name]), left[name]), name, l.from.Path), "remove them by hand if they are not needed")
	}
}

func (l *offsiteLayer) shrunkText(v offsiteVolume, h copyHistory) string {
	return v.of.Address() + ": " + (&copyLayer{}).shrunkText(h)
}
