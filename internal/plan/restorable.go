package plan

import (
	"path"
	"slices"
	"time"
)

// Restorable lists the versions with a receipt that a layer has where it was seen, the
// newest data first. It goes by receipts alone: the disk that a copy on another machine
// was made of may be the one that is lost. Mirrors on other machines are not among
// them: they have no manifest. Where the destination could not be seen, or is not
// mounted, it says so.
func Restorable(policy Policy, observation Observation, layer Layer) ([]HeldVersion, *Block) {
	b := builder{policy: policy, observation: observation}
	to, _ := policy.Destination(layer.To)
	root, ofDisk := to.Path, layer.Kind == LayerSync && layer.From.Type == "destination"
	if ofDisk {
		root = path.Join(to.Path, layer.Directory)
	}
	if at, block := b.findDisk(to); block != nil && !at.FileSystem.ReadOnly {
		return nil, block
	}
	disk, found := observation.Disk(Place(to.Address, root))
	if !found {
		return nil, unknownBlock(b.unseen(DiskAddress(Place(to.Address, root))))
	}
	remote := b.remote(to)
	var list []HeldVersion
	for i, r := range disk.Receipts {
		name := r.Version
		if ofDisk {
			name = path.Join(r.Layer, r.Version)
		}
		if !ofDisk && r.Layer != layer.Name || r.Version == "" && (ofDisk || remote != nil) {
			continue
		}
		list = append(list, HeldVersion{
			Layer: layer.Name, Kind: layer.Kind, Volume: r.Volume, Version: name, Destination: root, Path: r.Path,
			Time: r.Age(), Receipt: &disk.Receipts[i], Remote: remote,
			Of: &VersionAccess{Root: root, Layer: r.Layer, Volume: r.Volume, Version: r.Version, Path: r.Path},
		})
	}
	slices.SortStableFunc(list, func(a, b HeldVersion) int { return b.Time.Compare(a.Time) })
	return list, nil
}

// CanRestore says whether a layer has versions that can be had back and proven. Thin
// snapshots are no copies, and a mirror on another machine has no manifest.
func (p Policy) CanRestore(l Layer) bool {
	to, _ := p.Destination(l.To)
	mirror := l.Kind == LayerSync && l.From.Type != "destination" && to.Kind == DestinationSSH
	return l.Kind != LayerSnapshot && !mirror && p.CarriesOut(l)
}

// Age is the time of the version's data.
func (r Receipt) Age() time.Time {
	if r.Source.Taken.IsZero() {
		return r.Started
	}
	return r.Source.Taken
}
