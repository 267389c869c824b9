package plan

import (
	"cmp"
	"path"
	"slices"
	"time"
)

// HeldVersion is a version that a layer has on a disk.
type HeldVersion struct {
	Layer       string    `json:"layer"`
	Kind        string    `json:"kind"` // of the layer
	Volume      string    `json:"volume"`
	Version     string    `json:"version"`     // name; empty for a synced tree
	Destination string    `json:"destination"` // root, an absolute path
	Path        string    `json:"path"`        // relative to the destination's root
	Time        time.Time `json:"time"`        // when it was made, as far as is known
	Receipt     *Receipt  `json:"receipt,omitempty"`
	// Remote is the machine that has the destination, nil is this one; Of is then what
	// the receipt is to say, Path that of the version.
	Remote *Remote        `json:"remote,omitempty"`
	Of     *VersionAccess `json:"of,omitempty"`
}

// Address is how people refer to it: `layer.weekly["apps/web"]@2026-46`.
func (h HeldVersion) Address() string {
	if h.Version == "" {
		return Address(h.Layer, h.Volume)
	}
	return Address(h.Layer, h.Volume) + "@" + h.Version
}

// Inventory lists the versions that the policy's layers have on disks, by layer
// in the policy's order, then by volume, newest first. Layers whose disk was not
// seen, or is not mounted, have none; Blocked says so. A receipt without a version
// stands for the version that it proves.
func Inventory(policy Policy, observation Observation, now time.Time, filter Filter) (held []HeldVersion, blocked []LayerStatus) {
	b := builder{policy: policy, observation: observation, now: now}
	b.survey()
	for _, layer := range policy.Layers {
		if to, _ := policy.Destination(layer.To); to.Kind != DestinationDisk || !b.carriesOut(layer) || !selects(filter.Layers, layer.Name) {
			continue
		}
		list, block := b.inventory(layer)
		if block != nil {
			blocked = append(blocked, LayerStatus{Name: layer.Name, Kind: layer.Kind, Blocked: block})
		}
		held = append(held, keep(list, func(h HeldVersion) bool { return selects(filter.Volumes, h.Volume) })...)
	}
	return held, blocked
}

// Unproven lists the versions that copies on other machines have without a receipt
// and that are not on the disk here: one that is gets its receipt when it is sent,
// which compares contents. The rest is as with Inventory.
func Unproven(policy Policy, observation Observation, now time.Time, filter Filter) (held []HeldVersion, blocked []LayerStatus) {
	b := builder{policy: policy, observation: observation, now: now, options: Options{Filter: filter}}
	b.survey()
	for _, layer := range policy.Layers {
		if layer.Kind != LayerSync || layer.From.Type != "destination" || !b.carriesOut(layer) || !selects(filter.Layers, layer.Name) {
			continue
		}
		to, _ := policy.Destination(layer.To)
		l := &offsiteLayer{builder: &b, layer: layer, to: to}
		if block := l.blocked(); block != nil {
			blocked = append(blocked, LayerStatus{Name: layer.Name, Kind: layer.Kind, Blocked: block})
			continue
		}
		held = append(held, keep(l.unproven(), func(h HeldVersion) bool { return selects(filter.Volumes, h.Volume) })...)
	}
	return held, blocked
}

func (l *offsiteLayer) unproven() []HeldVersion {
	var list []HeldVersion
	for _, v := range l.volumes() {
		for _, c := range v.there {
			here := slices.ContainsFunc(v.here, func(o copyVersion) bool { return o.path == c.path })
			if c.receipt != nil || here {
				continue
			}
			at := path.Join(v.of.Directory, c.path)
			list = append(list, HeldVersion{
				Layer: l.layer.Name, Kind: l.layer.Kind, Volume: v.name, Version: path.Join(v.of.Name, c.name),
				Destination: l.there.Path, Path: at, Time: c.time, Remote: l.remote(l.to),
				Of: &VersionAccess{Root: l.from.Path, Layer: v.of.Name, Volume: v.name, Version: c.name, Path: at},
			})
		}
	}
	return list
}

func (b *builder) inventory(layer Layer) ([]HeldVersion, *Block) {
	destination, _ := b.policy.Destination(layer.To)
	disk, block := b.findDisk(destination)
	if block != nil && !disk.FileSystem.ReadOnly {
		return nil, block
	}
	one := HeldVersion{Layer: layer.Name, Kind: layer.Kind, Destination: destination.Path}
	if layer.Kind == LayerSync {
		receipt := disk.receiptOf(layer.Name, layer.Directory)
		if receipt == nil {
			return nil, nil
		}
		one.Volume, one.Path, one.Time, one.Receipt = receipt.Volume, receipt.Path, receipt.Started, receipt
		return []HeldVersion{one}, nil
	}
	l := copyLayer{builder: b, layer: layer, destination: destination, disk: disk}
	if block := l.findFolder(); block != nil {
		return nil, block
	}
	l.holding = l.recognise()
	var list []HeldVersion
	for i, r := range l.holding.lost {
		one.Volume, one.Version, one.Path, one.Time, one.Receipt = r.Volume, r.Version, r.Path, r.Started, &l.holding.lost[i]
		list = append(list, one)
	}
	for _, v := range l.goneVolumes() {
		for _, version := range l.holding.of(v.path) {
			one.Volume, one.Version, one.Path = v.name, version.name, path.Join(layer.Directory, version.path)
			one.Time, one.Receipt = version.time, version.receipt
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b HeldVersion) int { return cmp.Compare(a.Volume, b.Volume) })
	return list, nil
}
