package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// volumeState is what is known of a live volume.
type volumeState int

const (
	bound     volumeState = iota // a claim uses it, or there is no cluster to ask
	released                     // its persistent volume outlived the claim
	unclaimed                    // the cluster answered and does not know it
	unnamed                      // the cluster did not answer, and did not know it when it last did
	gone                         // there are versions of it, and no logical volume
)

// volume is one protected thing of a thin pool: a PVC's logical volume.
type volume struct {
	name      string // namespace/claim, else the logical volume's name
	lvName    string
	namespace string // empty when not known
	state     volumeState
	lv        LogicalVolume // zero when gone
	was       string        // for released and gone: the claim it was; else a claim it shares
	claimed   bool          // gone, and a claim is bound to it all the same
}

// snapshot is a logical volume recognised as a version.
type snapshot struct {
	lv         *LogicalVolume // of the observation: never written to
	layer      string         // empty: adopted by name, no layer has tagged it
	origin     string         // name of the volume's logical volume
	time       time.Time
	preRestore bool
	volume     string // the volume's name when the version was made, if tagged
}

// survey is a thin pool as one source sees it.
type survey struct {
	source    Source
	pool      Pool
	facts     PoolFacts
	unknown   *Unknown // the pool could not be observed
	cluster   *Cluster
	noNames   *Unknown // the cluster could not be asked and never was
	volumes   []volume // by name; those that are gone come last
	snapshots map[string][]snapshot
	foreign   []LogicalVolume
	matched   map[string]bool // names of all logical volumes that the source knows
	missing   []PersistentVolume
	outside   []PersistentVolume // of the driver, in the group and not in the pool
	strays    []PersistentVolume // of the driver, in the pool, and not matched
}

// staleNames says that names come from an older answer of the cluster.
func (s survey) staleNames(o Observation) bool {
	return s.cluster != nil && s.cluster.Seen.Before(o.Time)
}

// surveyor sorts the logical volumes of a pool for one source.
type surveyor struct {
	survey
	host    string
	zone    *time.Location
	byLV    map[string]PersistentVolume
	members map[string]*volume
}

// surveySource recognises what a pool holds for one source. Nothing is
// recognised by a part of a name: identity is exact.
func surveySource(source Source, o Observation, zone *time.Location) survey {
	lvm := source.LVMThin
	s := surveyor{host: o.Host, zone: zone, members: map[string]*volume{}}
	s.source, s.snapshots, s.matched = source, map[string][]snapshot{}, map[string]bool{}
	pool, found := o.Pool(lvm.VolumeGroup, lvm.ThinPool)
	if !found {
		u, ok := o.Why(PoolAddress(lvm.VolumeGroup, lvm.ThinPool))
		if !ok {
			u = Unknown{Address: PoolAddress(lvm.VolumeGroup, lvm.ThinPool), Detail: "the observation does not hold it"}
		}
		s.unknown = &u
		return s.survey
	}
	s.pool, s.facts = pool, Facts(pool)
	s.readNames(o)
	s.sort()
	s.checkNames()
	s.nameVolumes(o)
	return s.survey
}

// readNames finds the persistent volume of each logical volume.
func (s *surveyor) readNames(o Observation) {
	k := s.source.LVMThin.Kubernetes
	s.byLV = map[string]PersistentVolume{}
	if k == nil {
		return
	}
	cluster, found := o.Cluster(*k)
	if !found {
		u, ok := o.Why(ClusterAddress(*k))
		if !ok {
			u = Unknown{Address: ClusterAddress(*k), Detail: "the observation does not hold it"}
		}
		s.noNames = &u
		return
	}
	s.cluster = &cluster
	for _, pv := range cluster.Volumes {
		handle, ok := ParseHandle(pv.Handle)
		if pv.Driver != k.Driver || !ok {
			continue
		}
		known, taken := s.byLV[handle.Volume]
		if !taken || cmp.Or(cmp.Compare(s.rank(pv), s.rank(known)), cmp.Compare(known.Name, pv.Name)) > 0 {
			s.byLV[handle.Volume] = pv
		}
		if handle.Node == "" || handle.Node == s.host {
			s.findVolume(pv, handle.Volume)
		}
	}
}

// checkNames finds a cluster that names none of the pool's volumes: it is
// another one, or the driver is not the one that made them. Its names would
// leave exclusions without effect.
func (s *surveyor) checkNames() {
	if s.cluster == nil || len(s.members) == 0 {
		return
	}
	for _, lv := range s.pool.Volumes {
		if _, named := s.byLV[lv.Name]; named {
			return
		}
	}
	k := *s.source.LVMThin.Kubernetes
	s.noNames = &Unknown{ClusterAddress(k), fmt.Sprintf("it names no volume of pool %s/%s by driver %q; its drivers are: %s",
		s.pool.VolumeGroup, s.pool.Name, k.Driver, drivers(*s.cluster))}
	s.cluster, s.missing, s.outside = nil, nil, nil
}

func drivers(c Cluster) string {
	names := map[string]bool{}
	for _, pv := range c.Volumes {
		names[cmp.Or(pv.Driver, "unknown")] = true
	}
	return cmp.Or(strings.Join(slices.Sorted(maps.Keys(names)), ", "), "none")
}

// findVolume sorts out persistent volumes of which the pool has no logical
// volume.
func (s *surveyor) findVolume(pv PersistentVolume, name string) {
	_, found := s.facts.Volume(name)
	switch {
	case found, isReleased(pv):
	case s.facts.Taken(name):
		s.outside = append(s.outside, pv)
	default:
		s.missing = append(s.missing, pv)
	}
}

// rank orders persistent volumes that name the same logical volume: in use
// before released, of this node before another's; the first by name if equal.
func (s *surveyor) rank(pv PersistentVolume) int {
	rank := 0
	if pv.Phase == "Bound" {
		rank += 2
	}
	if h, ok := ParseHandle(pv.Handle); ok && h.Node == s.host {
		rank++
	}
	return rank
}

// sort tells live volumes, versions and foreign snapshots apart. What a
// persistent volume names is live, whatever it is called.
func (s *surveyor) sort() {
	var undecided []LogicalVolume
	for i := range s.pool.Volumes {
		lv := s.pool.Volumes[i]
		if isClone(lv.Tags) {
			s.matched[lv.Name] = true
			continue
		}
		pv, named := s.byLV[lv.Name]
		inMatch := Match(s.source.LVMThin.Match, lv.Name)
		snap, isVersion := s.recognise(&s.pool.Volumes[i])
		switch {
		case named && inMatch:
			s.addVolume(lv)
		case named:
			s.matched[lv.Name] = true
			s.strays = append(s.strays, pv)
		case isVersion:
			s.snapshots[snap.origin] = append(s.snapshots[snap.origin], snap)
			s.matched[lv.Name] = true
		case inMatch && s.looksLive(lv):
			s.addVolume(lv)
		default:
			undecided = append(undecided, lv)
		}
	}
	for _, lv := range undecided {
		if s.members[lv.Origin] != nil || Match(s.source.LVMThin.Match, lv.Name) {
			s.foreign = append(s.foreign, lv)
			s.matched[lv.Name] = true
		}
	}
}

func (s *surveyor) addVolume(lv LogicalVolume) {
	s.members[lv.Name] = &volume{name: lv.Name, lvName: lv.Name, lv: lv}
	s.matched[lv.Name] = true
}

// nameVolumes gives the live volumes the names of their claims, and adds those
// that are gone and have versions.
func (s *surveyor) nameVolumes(o Observation) {
	live := make([]volume, 0, len(s.members))
	for _, v := range s.members {
		s.nameVolume(v, o)
		live = append(live, *v)
	}
	slices.SortFunc(live, func(a, b volume) int { return cmp.Compare(a.lvName, b.lvName) })
	seen := map[string]bool{}
	for i := range live {
		v := &live[i]
		if seen[v.name] {
			v.name, v.was = v.lvName, v.name
		}
		seen[v.name] = true
	}
	slices.SortFunc(live, func(a, b volume) int { return cmp.Compare(a.name, b.name) })
	s.volumes = append(live, s.goneVolumes()...)
}

func (s *surveyor) nameVolume(v *volume, o Observation) {
	pv, named := s.byLV[v.lvName]
	switch {
	case s.source.LVMThin.Kubernetes == nil:
	case s.cluster == nil:
		v.state = unnamed
	case !named && s.staleNames(o):
		v.state = unnamed
	case !named:
		v.state = unclaimed
	case pv.Claim == "":
		v.state = unclaimed
	case isReleased(pv):
		v.state, v.namespace, v.was = released, pv.Namespace, pv.Namespace+"/"+pv.Claim
	default:
		v.name, v.namespace = pv.Namespace+"/"+pv.Claim, pv.Namespace
	}
}

// isReleased says that the claim which the persistent volume names is gone.
func isReleased(pv PersistentVolume) bool { return pv.Phase == "Released" || pv.Phase == "Failed" }

func (s *surveyor) goneVolumes() []volume {
	var volumes []volume
	for origin, snaps := range s.snapshots {
		if s.members[origin] != nil {
			continue
		}
		v := volume{name: origin, lvName: origin, state: gone}
		if named := keep(snaps, func(s snapshot) bool { return strings.Contains(s.volume, "/") }); len(named) > 0 {
			v.was = slices.MaxFunc(named, func(a, b snapshot) int {
				return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.lv.Name, b.lv.Name))
			}).volume
		}
		if pv, ok := s.byLV[origin]; ok && pv.Claim != "" {
			v.was, v.claimed = pv.Namespace+"/"+pv.Claim, !isReleased(pv)
		}
		if namespace, _, found := strings.Cut(v.was, "/"); found {
			v.namespace = namespace
		}
		volumes = append(volumes, v)
	}
	slices.SortFunc(volumes, func(a, b volume) int { return cmp.Compare(a.name, b.name) })
	return volumes
}
