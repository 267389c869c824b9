package planfile

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

// shownProblems is how many problems of a file are spelled out.
const shownProblems = 5

// problems collects what is wrong with the content of a file.
type problems struct {
	shown []string
	more  int
}

// unless notes a problem when ok is false.
func (p *problems) unless(ok bool, format string, args ...any) {
	switch {
	case ok:
	case len(p.shown) < shownProblems:
		p.shown = append(p.shown, fmt.Sprintf(format, args...))
	default:
		p.more++
	}
}

func (p *problems) of(k kind) error {
	if len(p.shown) == 0 {
		return nil
	}
	text := strings.Join(p.shown, "; ")
	if p.more > 0 {
		text += fmt.Sprintf("; and %d more", p.more)
	}
	return k.invalid(text)
}

// checkObservation looks for what no observation made by bkplan can have.
func checkObservation(o plan.Observation) error {
	var found problems
	found.unless(!o.Time.IsZero(), "the observation has no time")
	found.unless(o.Host != "", "the observation names no host")
	pools := map[[2]string]bool{}
	for _, p := range o.Pools {
		name := [2]string{p.VolumeGroup, p.Name}
		found.unless(!pools[name], "pool %q is there twice", p.VolumeGroup+"/"+p.Name)
		pools[name] = true
		checkPool(&found, p)
	}
	for _, c := range o.Clusters {
		checkCluster(&found, c)
	}
	checkPaths(&found, o)
	for _, u := range o.Unknown {
		found.unless(u.Address != "", "something without an address is unknown")
	}
	return found.of(observationKind)
}

// checkPaths looks at trees and disks. What their names lead to is looked at
// again by whoever acts on them.
func checkPaths(found *problems, o plan.Observation) {
	seen := map[string]bool{}
	for _, t := range o.Trees {
		found.unless(path.IsAbs(t.Path) && !seen["tree "+t.Path], "tree %q is there twice or has no absolute path", t.Path)
		seen["tree "+t.Path] = true
	}
	for _, d := range o.Disks {
		found.unless(path.IsAbs(d.Path) && !seen["disk "+d.Path], "disk %q is there twice or has no absolute path", d.Path)
		seen["disk "+d.Path] = true
		found.unless(d.FileSystem.Size >= 0 && d.FileSystem.Free >= 0, "disk %q has a negative size", d.Path)
		for _, r := range d.Receipts {
			found.unless(r.Layer != "" && filepath.IsLocal(r.Path), "a receipt of disk %q is for %q, which is no place on it", d.Path, r.Path)
		}
	}
}

func checkPool(found *problems, p plan.Pool) {
	name := p.VolumeGroup + "/" + p.Name
	found.unless(p.VolumeGroup != "" && p.Name != "", "pool %q lacks a name or a volume group", name)
	found.unless(p.Size >= 0 && p.MetadataSize >= 0, "pool %q has a negative size", name)
	found.unless(isPercent(p.DataPercent), "pool %q has data_percent outside of 0 to 100", name)
	found.unless(isPercent(p.MetadataPercent), "pool %q has metadata_percent outside of 0 to 100", name)
	names := make(map[string]bool, len(p.Volumes))
	uuids := make(map[string]bool, len(p.Volumes))
	for i := range p.Volumes {
		v := &p.Volumes[i]
		if v.Name == "" || v.UUID == "" || v.Size < 0 {
			found.unless(false, "logical volume %q of pool %q lacks a name or a UUID, or has a negative size", v.Name, name)
			continue
		}
		if names[v.Name] || uuids[v.UUID] {
			found.unless(false, "logical volume %q or its UUID %q is twice in pool %q", v.Name, v.UUID, name)
		}
		names[v.Name], uuids[v.UUID] = true, true
	}
}

func isPercent(p plan.Percent) bool { return p == nil || *p >= 0 && *p <= 100 }

func checkCluster(found *problems, c plan.Cluster) {
	found.unless(!c.Seen.IsZero(), "the cluster %q lacks the time of its answer", c.Server)
	volumes := make(map[string]bool, len(c.Volumes))
	for i := range c.Volumes {
		v := &c.Volumes[i]
		if v.Name == "" || volumes[v.Name] || v.Bytes < 0 {
			found.unless(false, "persistent volume %q of the cluster %q has no name, is there twice, or has a negative size", v.Name, c.Server)
		}
		volumes[v.Name] = true
	}
	claims := make(map[[2]string]bool, len(c.Claims))
	for i := range c.Claims {
		name := [2]string{c.Claims[i].Namespace, c.Claims[i].Name}
		if name[0] == "" || name[1] == "" || claims[name] {
			found.unless(false, "claim %q of the cluster %q lacks a name or is there twice", name[0]+"/"+name[1], c.Server)
		}
		claims[name] = true
	}
}
