package plan

import (
	"cmp"
	"fmt"
	"slices"
)

// driftOfClusters finds claims without a logical volume, claims whose volume
// no source matches, and claims of drivers that no source asks for.
func (b *builder) driftOfClusters() {
	drivers := map[string]bool{}
	seen := map[string]bool{}
	for _, source := range b.policy.Sources {
		s, ok := b.surveyOf(source)
		if !ok || s.cluster == nil {
			continue
		}
		drivers[ClusterAddress(*source.LVMThin.Kubernetes)+"\x00"+source.LVMThin.Kubernetes.Driver] = true
		for _, pv := range s.strays {
			b.driftOfStray(s, pv, seen)
		}
		for _, pv := range s.outside {
			b.driftOfOutside(pv, seen)
		}
		for _, pv := range s.missing {
			b.driftOfMissing(pv, seen)
		}
	}
	for _, c := range b.observation.Clusters {
		b.driftOfDrivers(c, drivers)
	}
}

func (b *builder) driftOfStray(s survey, pv PersistentVolume, seen map[string]bool) {
	handle, _ := ParseHandle(pv.Handle)
	elsewhere := func(other survey) bool { return Match(other.source.LVMThin.Match, handle.Volume) }
	if seen[pv.Name] || slices.ContainsFunc(b.surveysOf(s.pool), elsewhere) {
		return
	}
	seen[pv.Name] = true
	b.addDrift(Unprotected, claimName(pv), "", fmt.Sprintf("its logical volume %s/%s matches no source", s.pool.VolumeGroup, handle.Volume), "widen the source's match, or add a source")
}

// driftOfOutside reports a claim whose logical volume is in the volume group
// and in none of the pools that sources look at. While a pool is unknown, it may
// be in there.
func (b *builder) driftOfOutside(pv PersistentVolume, seen map[string]bool) {
	handle, _ := ParseHandle(pv.Handle)
	for _, s := range b.surveys {
		if _, found := s.facts.Volume(handle.Volume); found || s.unknown != nil {
			return
		}
	}
	if seen[pv.Name] {
		return
	}
	seen[pv.Name] = true
	b.addDrift(Unprotected, claimName(pv), "", fmt.Sprintf("its logical volume %s is in no pool that a source looks at", handle.Volume), "add a source for its pool, and a layer")
}

// driftOfMissing reports a claim whose logical volume is in none of the pools
// that were observed. While a pool is unknown, nothing is missing.
func (b *builder) driftOfMissing(pv PersistentVolume, seen map[string]bool) {
	handle, _ := ParseHandle(pv.Handle)
	for _, source := range b.policy.Sources {
		if s, ok := b.surveyOf(source); ok && (s.unknown != nil || s.facts.Taken(handle.Volume)) {
			return
		}
	}
	if seen[pv.Name] {
		return
	}
	seen[pv.Name] = true
	b.addDrift(Missing, claimName(pv), "", fmt.Sprintf("its logical volume %s is not there", handle.Volume), "restore it from its newest version")
}

func (b *builder) driftOfDrivers(c Cluster, drivers map[string]bool) {
	address := ClusterAddress(KubernetesSource{Kubeconfig: c.Kubeconfig, Context: c.Context})
	for _, pv := range c.Volumes {
		_, readable := ParseHandle(pv.Handle)
		switch {
		case pv.Claim == "":
		case !drivers[address+"\x00"+pv.Driver]:
			b.addDrift(Unmatched, claimName(pv), "", "claim of driver "+cmp.Or(pv.Driver, "unknown"), "")
		case !readable:
			b.addDrift(Unmatched, claimName(pv), "", fmt.Sprintf("its volume handle %q is none of a logical volume", pv.Handle), "")
		}
	}
}

func claimName(pv PersistentVolume) string {
	if pv.Claim == "" {
		return pv.Name
	}
	return pv.Namespace + "/" + pv.Claim
}
