package plan

import (
	"fmt"
	"slices"
)

// Capacity is what a destination has room for, before and after the plan.
type Capacity struct {
	Destination string `json:"destination"` // name
	Path        string `json:"path"`
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
	// Unknown is how many actions add what is known only when they are done.
	Unknown int `json:"unknown,omitempty"`
}

// usage is what the plan's actions so far are expected to add to a disk.
type usage struct{ bytes, inodes int64 }

func (b *builder) usage(d Destination) usage { return b.used[d.Path] }

// capacities sums up the plan's actions for each disk that they write to.
func (b *builder) capacities(actions []Action) []Capacity {
	var list []Capacity
	for _, d := range b.policy.Destinations {
		disk, found := b.observation.Disk(d.Path)
		if !found || d.Kind != DestinationDisk || d.RequireMount && disk.FileSystem.MountPoint != d.Path {
			continue
		}
		fs := disk.FileSystem
		c := Capacity{Destination: d.Name, Path: d.Path, Size: fs.Size, Free: fs.Free, Inodes: fs.Inodes, InodesFree: fs.InodesFree}
		ours := keep(actions, func(a Action) bool { return a.Blocked == nil && a.Copy != nil && a.Copy.Destination == d.Path })
		for _, a := range ours {
			c.add(a)
		}
		c.FreeAfter = c.Free - c.Adds + c.Frees
		if len(ours) > 0 || slices.ContainsFunc(b.policy.Layers, func(l Layer) bool { return l.To.Name == d.Name && b.carriesOut(l) }) {
			list = append(list, c)
		}
	}
	return list
}

func (c *Capacity) add(a Action) {
	e := a.Copy.Estimate
	switch {
	case e == nil && a.Kind != Clean && a.Kind != Prune:
		c.Unknown++
	case e == nil:
	case a.Kind.Destructive():
		c.Frees += e.Bytes
	default:
		c.Adds, c.AddsInodes = c.Adds+e.Bytes, c.AddsInodes+e.Inodes
	}
}

// Bytes is an amount of data as people say it: "1.4 GiB". It is rounded to the
// nearest tenth.
func Bytes(n int64) string {
	const unit = 1024
	if n < 0 {
		return "-" + Bytes(-n)
	}
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, i := float64(n), 0
	for ; value >= unit && i < 6; i++ {
		value /= unit
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[i-1])
}
