package plan

import "fmt"

// Violation is a precondition that does not hold, with what was found instead
// as a sentence fragment.
type Violation struct {
	Precondition Precondition `json:"precondition"`
	Detail       string       `json:"detail"`
}

// PoolFacts answers preconditions from one look at a pool.
type PoolFacts struct {
	pool    Pool
	volumes map[string]*LogicalVolume
	others  map[string]bool
}

// Facts prepares a pool for many questions.
func Facts(pool Pool) PoolFacts {
	f := PoolFacts{pool: pool, volumes: make(map[string]*LogicalVolume, len(pool.Volumes)), others: map[string]bool{}}
	for i := range pool.Volumes {
		f.volumes[pool.Volumes[i].Name] = &pool.Volumes[i]
	}
	for _, name := range pool.Others {
		f.others[name] = true
	}
	return f
}

// Volume finds a thin volume of the pool by name.
func (f PoolFacts) Volume(name string) (LogicalVolume, bool) {
	if v := f.volumes[name]; v != nil {
		return *v, true
	}
	return LogicalVolume{}, false
}

// Taken says whether the volume group has a logical volume of this name.
func (f PoolFacts) Taken(name string) bool {
	return f.volumes[name] != nil || f.others[name] || f.pool.Name == name
}

// Check looks whether a precondition about the pool holds; nil means that it
// does. A NewestIs is not about the pool alone and always holds here:
// StaleActions looks at it.
func (f PoolFacts) Check(p Precondition) *Violation {
	switch p.Kind {
	case VolumeIs:
		return f.checkVolume(p)
	case NameFree:
		if f.Taken(p.Name) {
			return &Violation{p, fmt.Sprintf("the name %s/%s is taken", p.VolumeGroup, p.Name)}
		}
	case PoolBelow:
		return f.checkSpace(p)
	}
	return nil
}

func (f PoolFacts) checkVolume(p Precondition) *Violation {
	v, found := f.Volume(p.Name)
	switch {
	case !found:
		return &Violation{p, fmt.Sprintf("%s/%s is gone", p.VolumeGroup, p.Name)}
	case v.UUID != p.UUID:
		return &Violation{p, fmt.Sprintf("%s/%s is another volume now (UUID %s, was %s)", p.VolumeGroup, p.Name, v.UUID, p.UUID)}
	}
	return nil
}

func (f PoolFacts) checkSpace(p Precondition) *Violation {
	if f.pool.DataPercent == nil || f.pool.MetadataPercent == nil {
		return &Violation{p, fmt.Sprintf("how full the pool %s/%s is cannot be told", p.VolumeGroup, p.Name)}
	}
	if data := *f.pool.DataPercent; data > p.MaxData {
		return &Violation{p, fmt.Sprintf("the pool %s/%s is %.1f%% full, %.1f%% is the limit", p.VolumeGroup, p.Name, data, p.MaxData)}
	}
	if metadata := *f.pool.MetadataPercent; metadata > p.MaxMetadata {
		return &Violation{p, fmt.Sprintf("the metadata of pool %s/%s is %.1f%% full, %.1f%% is the limit", p.VolumeGroup, p.Name, metadata, p.MaxMetadata)}
	}
	return nil
}
