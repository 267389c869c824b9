package plan

import (
	"fmt"
	"slices"
)

// simulate carries a plan out on an observation, as apply does on the world:
// in order, without what is blocked, looking at the preconditions before each
// step. An error is a step that could not have been carried out.
func simulate(p Plan, o Observation) (Observation, error) {
	o.Disks = slices.Clone(o.Disks)
	s := simulation{pools: slices.Clone(o.Pools), done: map[string]bool{}, o: &o}
	for i := range s.pools {
		s.pools[i].Volumes = slices.Clone(s.pools[i].Volumes)
	}
	for _, a := range p.Actions {
		if err := s.do(a); err != nil {
			return Observation{}, fmt.Errorf("%s: %w", a.ID, err)
		}
	}
	o.Pools = s.pools
	return o, nil
}

type simulation struct {
	pools []Pool
	done  map[string]bool
	o     *Observation
}

func (s *simulation) do(a Action) error {
	if a.Blocked != nil {
		return nil
	}
	for _, id := range a.DependsOn {
		if !s.done[id] {
			return fmt.Errorf("depends on %s, which was not carried out before", id)
		}
	}
	if a.Copy != nil {
		s.done[a.ID] = true
		return simulateCopy(a, s.o)
	}
	pool := s.pool(a.Snapshot)
	if pool == nil {
		return fmt.Errorf("no pool %s/%s", a.Snapshot.VolumeGroup, a.Snapshot.Pool)
	}
	for _, c := range a.Preconditions {
		if v := Facts(*pool).Check(c); v != nil {
			return fmt.Errorf("precondition: %s", v.Detail)
		}
	}
	s.done[a.ID] = true
	switch a.Kind {
	case Create:
		return s.create(pool, a)
	case Prune:
		return s.prune(pool, a.Snapshot)
	}
	return fmt.Errorf("kind %s", a.Kind)
}

func (s *simulation) pool(a *SnapshotAction) *Pool {
	for i := range s.pools {
		if s.pools[i].VolumeGroup == a.VolumeGroup && s.pools[i].Name == a.Pool {
			return &s.pools[i]
		}
	}
	return nil
}

func (s *simulation) create(pool *Pool, a Action) error {
	origin, found := Facts(*pool).Volume(a.Snapshot.Origin)
	if !found || origin.UUID != a.Snapshot.OriginUUID {
		return fmt.Errorf("origin %s is not there", a.Snapshot.Origin)
	}
	pool.Volumes = append(pool.Volumes, LogicalVolume{
		Name: a.Snapshot.Name, UUID: "made-" + a.Snapshot.Name, Origin: origin.Name, OriginUUID: origin.UUID,
		Size: origin.Size, SkipActivation: true, Tags: a.Snapshot.Tags, Created: a.VersionTime,
	})
	return nil
}

// prune removes a logical volume; LVM then forgets it as an origin.
func (s *simulation) prune(pool *Pool, a *SnapshotAction) error {
	i := slices.IndexFunc(pool.Volumes, func(v LogicalVolume) bool { return v.Name == a.Name && v.UUID == a.UUID })
	if i < 0 {
		return fmt.Errorf("%s is not there", a.Name)
	}
	pool.Volumes = slices.Delete(pool.Volumes, i, i+1)
	for i := range pool.Volumes {
		if pool.Volumes[i].Origin == a.Name {
			pool.Volumes[i].Origin, pool.Volumes[i].OriginUUID = "", ""
		}
	}
	return nil
}
