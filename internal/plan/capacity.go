package plan

import "time"

// Capacity is what a destination has room for, before and after the plan.
type Capacity struct {
	Destination string `json:"destination"` // name
	Path        string `json:"path"`        // its Place
	Size        int64  `json:"size_bytes"`
	Free        int64  `json:"free_bytes"`
	// Adds and Frees are what the plan's actions are expected to; FreeAfter is the
	// sum.
	Adds       int64 `json:"adds_bytes"`
	Frees      int64 `json:"frees_bytes"`
	FreeAfter  int64 `json:"free_after_bytes"`
	Inodes     int64 `json:"inodes,omitempty"` // 0 where they are not counted
	InodesFree int64 `json:"inodes_free,omitempty"`
	AddsInodes int64 `json:"adds_inodes,omitempty"`
	// FreesInodes are those of the directories alone: how many files a version shares
	// with others no receipt tells. InodesFreeAfter is the sum.
	FreesInodes     int64 `json:"frees_inodes,omitempty"`
	InodesFreeAfter int64 `json:"inodes_free_after,omitempty"`
	// PerDay is by how many bytes a day it fills, by what earlier runs saw; Full is when
	// nothing will be free at that rate. Both are zero where that cannot be told.
	PerDay int64     `json:"per_day_bytes,omitempty"`
	Full   time.Time `json:"full,omitzero"`
	// ShareSnapshots are taken over there by the machine itself, and Declared is by
	// what rules the policy's layers keep their versions there, beside it.
	ShareSnapshots *ShareSnapshots `json:"share_snapshots,omitempty"`
	Declared       []string        `json:"declared,omitempty"`
	// AtMost is what syncs of changed trees add at most, beside Adds. A large file of which
	// a little has changed is in it as a whole, so FreeAfter leaves it out.
	AtMost int64 `json:"at_most_bytes,omitempty"`
	// Unknown is how many actions add what is known only when they are done.
	Unknown int `json:"unknown,omitempty"`
}

func (e Estimate) plus(other Estimate) Estimate {
	return Estimate{Bytes: e.Bytes + other.Bytes, Inodes: e.Inodes + other.Inodes}
}

// capacities sums up the plan's actions for each disk that they write to.
func (b *builder) capacities(actions []Action) []Capacity {
	var list []Capacity
	for _, d := range b.policy.Destinations {
		disk, found := b.observation.Disk(d.Place())
		if !found || d.RequireMount && disk.FileSystem.MountPoint != d.Path {
			continue
		}
		fs := disk.FileSystem
		c := Capacity{Destination: d.Name, Path: d.Place(), Size: fs.Size, Free: fs.Free, Inodes: fs.Inodes, InodesFree: fs.InodesFree}
		c.PerDay, c.Full = forecast(b.observation.History, fs, c.Path, b.now)
		ours := keep(actions, func(a Action) bool { return a.Blocked == nil && a.Copy != nil && a.Copy.at(d) })
		for _, a := range ours {
			c.add(a)
		}
		c.FreeAfter = c.Free - c.Adds + c.Frees
		if c.Inodes > 0 {
			c.InodesFreeAfter = c.InodesFree - c.AddsInodes + c.FreesInodes
		}
		layers := keep(b.policy.Layers, func(l Layer) bool { return l.To.Name == d.Name && b.carriesOut(l) })
		if c.ShareSnapshots = disk.ShareSnapshots; c.ShareSnapshots != nil {
			c.Declared = declared(layers)
		}
		if len(ours) > 0 || len(layers) > 0 {
			list = append(list, c)
		}
	}
	return list
}

// declared are the rules by which layers keep versions. A mirror has one.
func declared(layers []Layer) []string {
	var list []string
	for _, l := range layers {
		if l.Kind != LayerSync || l.From.Type == "destination" {
			list = append(list, l.Address()+": "+l.Retention.String())
		}
	}
	return list
}

// at says whether an action writes to a destination.
func (c CopyAction) at(d Destination) bool {
	if d.Kind == DestinationSSH {
		return c.Remote != nil && c.Remote.Address == d.Address && under(c.Destination, d.Path)
	}
	return c.Remote == nil && c.Destination == d.Path
}

func (c *Capacity) add(a Action) {
	e := a.Copy.Estimate
	switch {
	case e == nil && a.Kind != Clean && a.Kind != Prune:
		c.Unknown++
	case e == nil:
	case a.Kind.Destructive() || a.Kind == Relink:
		used := max(0, c.Size-c.Free)
		c.Frees += max(0, min(e.Bytes, used-c.Frees)) // no more than there is
		c.FreesInodes += max(0, min(e.Inodes, c.Inodes-c.InodesFree-c.FreesInodes))
	case a.Copy.Since != nil:
		c.AtMost += e.Bytes
	default:
		c.Adds, c.AddsInodes = c.Adds+e.Bytes, c.AddsInodes+e.Inodes
	}
}
