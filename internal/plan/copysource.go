package plan

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// unclaimedFolder holds versions of logical volumes that no claim names. It can
// be no namespace.
const unclaimedFolder = "_"

// findVolumes finds the layer's live volumes and how their content is reached.
func (l *copyLayer) findVolumes() *Block {
	from := l.layer.From
	if from.Type == "layer" {
		snapshots, _ := l.policy.Layer(from.Name)
		return l.volumesOfSnapshots(snapshots)
	}
	source, found := l.policy.Source(from)
	switch {
	case !found:
		return unknownBlock(Unknown{Address: from.String(), Detail: "the policy does not have it"})
	case source.Kind == SourceDirectory:
		return l.volumesOfDirectory(source)
	case source.Kind == SourcePaths:
		return l.volumeOfPaths(source)
	}
	l.volumes = []copyVolume{{volume: volume{name: source.Name}, access: &Access{PFSense: source.PFSense, Artifact: l.layer.Artifact}}}
	return nil
}

// Source finds a source.
func (p Policy) Source(ref Ref) (Source, bool) {
	i := slices.IndexFunc(p.Sources, func(s Source) bool { return s.Kind == ref.Kind && s.Name == ref.Name })
	if i < 0 {
		return Source{}, false
	}
	return p.Sources[i], true
}

// volumesOfSnapshots are the volumes of a snapshot layer's source, each read
// from its newest snapshot.
func (l *copyLayer) volumesOfSnapshots(from Layer) *Block {
	s, found := l.surveys[from.From.Name]
	if !found {
		return unknownBlock(Unknown{Address: l.layer.From.String(), Detail: "the policy does not say which pool it is of"})
	}
	snapshots := &snapshotLayer{builder: l.builder, layer: from, survey: s}
	if block := snapshots.blocked(); block != nil {
		return block
	}
	if s.noNames != nil && len(l.excluding(l.layer.Name)) > 0 {
		return snapshots.namesBlock()
	}
	for _, v := range s.volumes {
		if v.state == gone {
			continue
		}
		c := copyVolume{volume: v, path: volumePath(v)}
		c.access, c.needs, c.noCopy = snapshots.newestSnapshot(v, l.layer)
		l.volumes = append(l.volumes, c)
	}
	for _, pv := range slices.Concat(s.missing, s.outside, s.strays) {
		if name := claimName(pv); pv.Claim != "" && !l.covers(name) {
			l.volumes = append(l.volumes, copyVolume{volume: volume{name: name, namespace: pv.Namespace, state: gone}, path: name, missing: true})
		}
	}
	return nil
}

// covers says whether a volume of that path is among the layer's already: a
// claim that was moved leaves a persistent volume behind that still names it.
func (l *copyLayer) covers(volumePath string) bool {
	return slices.ContainsFunc(l.volumes, func(v copyVolume) bool { return v.path == volumePath })
}

func volumePath(v volume) string {
	if strings.Contains(v.name, "/") {
		return v.name
	}
	return unclaimedFolder + "/" + v.name
}

// newestSnapshot is the snapshot to read a volume from: the one that this plan
// makes, else the newest there is.
func (l *snapshotLayer) newestSnapshot(v volume, reader Layer) (access *Access, needs string, none *Block) {
	if e, excluded := l.excludes(l.layer, v); excluded {
		return nil, "", &Block{BlockSource, fmt.Sprintf("%s leaves it out (exclude.%s), so there is no snapshot of today to copy", l.layer.Address(), e.Name), "let exclude." + e.Name + " name " + reader.Address() + " too, or neither"}
	}
	snap := &SnapshotAccess{
		VolumeGroup: l.survey.pool.VolumeGroup, Pool: l.survey.pool.Name, Origin: v.lvName, KeyFile: l.survey.source.LVMThin.LUKSKeyFile,
		OpenName: OpenName(reader.Name, v.name), MountFolder: path.Join(l.policy.StateDir, "mnt"),
	}
	if a, made := l.made[layerVolume{l.layer.Name, v.lvName}]; made && selects(l.options.Filter.Layers, l.layer.Name) {
		snap.Name, snap.Taken = a.Snapshot.Name, a.VersionTime
		return &Access{Snapshot: snap}, a.ID, nil
	}
	newest := newHistory(l.versions(v), l.now).newest
	if newest == nil {
		return nil, "", &Block{BlockSource, "there is no snapshot of it in " + l.layer.Address(), "let " + l.layer.Address() + " make one; if it leaves the volume out, let this layer do so too"}
	}
	snap.Name, snap.UUID, snap.Taken = newest.lv.Name, newest.lv.UUID, newest.time
	return &Access{Snapshot: snap}, "", nil
}

// volumesOfDirectory are the children of a directory that it names, or the
// directory as a whole.
func (l *copyLayer) volumesOfDirectory(source Source) *Block {
	d := source.Directory
	tree, block := l.findTree(d.Path, d.RequireMount)
	if block != nil {
		return block
	}
	if d.Each == "" {
		l.volumes = []copyVolume{{volume: volume{name: source.Name}, path: source.Name, access: &Access{
			Paths: []string{d.Path}, RequireMount: d.RequireMount, MountPoint: tree.FileSystem.MountPoint, Whole: true,
		}}}
		return nil
	}
	for _, name := range tree.volumes(d.Each) {
		l.volumes = append(l.volumes, copyVolume{volume: volume{name: name}, path: name, access: &Access{
			Paths: []string{path.Join(d.Path, name)}, Whole: true,
		}})
	}
	return nil
}

// volumes are the folders in a tree that the pattern of `each` names; what
// bkplan keeps for itself, where the tree is a destination too, is none.
func (t Tree) volumes(each string) []string {
	var names []string
	for _, c := range t.Children {
		if c.Type == EntryFolder && !c.Odd && c.Name != OwnFolder && plainPath(c.Name, 1) && Match(each, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// empty says that a tree holds nothing of anybody's: a file system that has just
// been made holds lost+found.
func (t Tree) empty() bool {
	return !slices.ContainsFunc(t.Children, func(c Child) bool { return c.Name != OwnFolder && c.Name != "lost+found" })
}

func (l *copyLayer) volumeOfPaths(source Source) *Block {
	for _, p := range source.Paths {
		if _, block := l.findTree(p, false); block != nil {
			return block
		}
	}
	l.volumes = []copyVolume{{volume: volume{name: source.Name}, path: source.Name, access: &Access{Paths: source.Paths}}}
	return nil
}

// findTree finds a source's directory, and the reason for which what is there
// cannot be it.
func (b *builder) findTree(p string, requireMount bool) (Tree, *Block) {
	tree, found := b.observation.Tree(p)
	switch {
	case !found:
		u := b.unseen(TreeAddress(p))
		return tree, unknownBlock(u)
	case requireMount && tree.FileSystem.MountPoint != p:
		return tree, &Block{BlockSource, fmt.Sprintf("%s is not mounted: what is there lies on %s", p, tree.FileSystem.MountPoint), "mount it"}
	case tree.empty():
		return tree, &Block{BlockSource, p + " is empty, so it is hardly the source", "mount it, or put something into it"}
	}
	return tree, nil
}

// unseen says why a thing could not be observed.
func (b *builder) unseen(address string) Unknown {
	if u, ok := b.observation.Why(address); ok {
		return u
	}
	return Unknown{Address: address, Detail: "the observation does not hold it"}
}

func unknownBlock(u Unknown) *Block {
	return &Block{BlockUnknown, fmt.Sprintf("%s could not be observed: %s", u.Address, u.Detail),
		"mend what stopped the observation; until then nothing of this layer is created or pruned"}
}

// goneVolumes are those of which there are versions and nothing else. While some
// volumes have no name, one of them may be it, so none is held to be gone.
func (l *copyLayer) goneVolumes() []copyVolume {
	live := map[string]bool{}
	for _, v := range l.volumes {
		live[v.path] = true
	}
	var volumes []copyVolume
	for _, p := range slices.Sorted(maps.Keys(l.holding.versions)) {
		if live[p] {
			continue
		}
		v := copyVolume{path: p, volume: volume{name: p, state: gone}, missing: l.namesMissing()}
		if rest, unclaimed := strings.CutPrefix(p, unclaimedFolder+"/"); unclaimed {
			v.name, v.lvName = rest, rest
		} else if l.layer.From.Type == "layer" {
			v.namespace, _, _ = strings.Cut(p, "/")
		}
		v.name = cmp.Or(v.name, l.layer.From.Name)
		volumes = append(volumes, v)
	}
	return volumes
}
