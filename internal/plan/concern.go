package plan

// Concerning leaves of what could not be observed only what layers that a filter
// selects rely on, so that a run of some layers does not fail for the others. A
// filter that selects all leaves everything.
func (o Observation) Concerning(p Policy, f Filter) Observation {
	if len(f.Layers) == 0 {
		return o
	}
	relied := map[string]bool{}
	for _, l := range p.Layers {
		if selects(f.Layers, l.Name) {
			p.reliesOn(l, relied)
		}
	}
	o.Unknown = keep(o.Unknown, func(u Unknown) bool { return relied[u.Address] })
	return o
}

// reliesOn adds the addresses of all that a layer reads and writes.
func (p Policy) reliesOn(l Layer, addresses map[string]bool) {
	for _, ref := range []Ref{l.From, l.To} {
		if d, found := p.Destination(ref); found {
			addresses[DiskAddress(d.Place())] = true
		}
	}
	if from, found := p.Layer(l.From.Name); found && l.From.Type == "layer" {
		p.reliesOn(from, addresses)
	}
	source, _ := p.Source(l.From)
	if pool := source.LVMThin; pool != nil {
		addresses[PoolAddress(pool.VolumeGroup, pool.ThinPool)] = true
		if pool.Kubernetes != nil {
			addresses[ClusterAddress(*pool.Kubernetes)] = true
		}
	}
	if source.Directory != nil {
		addresses[TreeAddress(source.Directory.Path)] = true
	}
	for _, path := range source.Paths {
		addresses[TreeAddress(path)] = true
	}
}
