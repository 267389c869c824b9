package metric

import (
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
)

// pools makes the metrics of the thin pools that the policy's sources name.
func (g gathering) pools() {
	seen := map[string]bool{}
	for _, s := range g.Policy.Sources {
		if s.LVMThin == nil || seen[s.LVMThin.VolumeGroup+"/"+s.LVMThin.ThinPool] {
			continue
		}
		name := s.LVMThin.VolumeGroup + "/" + s.LVMThin.ThinPool
		seen[name] = true
		pool, found := g.Observation.Pool(s.LVMThin.VolumeGroup, s.LVMThin.ThinPool)
		known := found && pool.DataPercent != nil && pool.MetadataPercent != nil
		g.one("bkplan_pool_observed", "1 when it could be told how full the pool is.", truth(known), "pool", name)
		if found {
			g.one("bkplan_pool_size_bytes", "Size of the pool's data.", float64(pool.Size), "pool", name)
		}
		g.used("bkplan_pool_data_used_ratio", "Share of the pool's data that is used, 0 to 1.", pool.DataPercent, name)
		g.used("bkplan_pool_metadata_used_ratio", "Share of the pool's metadata that is used, 0 to 1.", pool.MetadataPercent, name)
	}
}

func (g gathering) used(name, help string, percent plan.Percent, pool string) {
	if percent != nil {
		g.one(name, help, *percent/100, "pool", pool)
	}
}

// destinations makes the metrics of the file systems that layers write to.
func (g gathering) destinations() {
	for _, d := range g.Policy.Destinations {
		if !slices.ContainsFunc(g.Policy.Layers, func(l plan.Layer) bool { return l.To == d.Ref() && g.Policy.CarriesOut(l) }) {
			continue
		}
		i := slices.IndexFunc(g.Plan.Capacity, func(c plan.Capacity) bool { return c.Destination == d.Name })
		g.one("bkplan_destination_observed", "1 when the destination could be looked at, and was mounted.", truth(i >= 0), "destination", d.Name)
		if i >= 0 {
			g.capacity(g.Plan.Capacity[i])
		}
	}
}

func (g gathering) capacity(c plan.Capacity) {
	name := c.Destination
	g.one("bkplan_destination_size_bytes", "Size of the destination's file system.", float64(c.Size), "destination", name)
	g.one("bkplan_destination_free_bytes", "What is free on it for bkplan.", float64(c.Free), "destination", name)
	if c.Inodes > 0 {
		g.one("bkplan_destination_inodes", "Inodes of the destination's file system, where it has a fixed number.", float64(c.Inodes), "destination", name)
		g.one("bkplan_destination_free_inodes", "Inodes of it that are free.", float64(c.InodesFree), "destination", name)
	}
	if !c.Full.IsZero() {
		g.one("bkplan_destination_full_timestamp_seconds", "When the destination is full if it goes on filling as it did.", seconds(c.Full), "destination", name)
	}
}

// driftKinds are all kinds that drift can have.
var driftKinds = []plan.DriftKind{
	plan.Unprotected, plan.Stale, plan.Orphaned, plan.Suspect, plan.Foreign, plan.Missing, plan.UnknownKind, plan.Accepted, plan.Unmatched,
}

// drift counts it by kind; a kind of which there is none is 0.
func (g gathering) drift() {
	counts := map[plan.DriftKind]int{}
	for _, d := range g.Plan.Drift {
		counts[d.Kind]++
	}
	for _, kind := range driftKinds {
		g.one("bkplan_drift", "What differs from the policy and no planned action mends.", float64(counts[kind]), "kind", string(kind))
	}
}
