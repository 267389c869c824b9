package plan

import (
	"time"
)

// Observation is everything that was seen of the world at one instant: plain
// data, serialisable. What could not be seen is in Unknown, so that absent
// and unknown are never confused (safety rule 12).
type Observation struct {
	Time time.Time `json:"time"`
	Host string    `json:"host"`
	// HostID tells machines of the same name apart; a digest, not the id itself.
	HostID   string    `json:"host_id,omitempty"`
	Pools    []Pool    `json:"pools,omitempty"`
	Clusters []Cluster `json:"clusters,omitempty"`
	Trees    []Tree    `json:"trees,omitempty"`
	Disks    []Disk    `json:"disks,omitempty"`
	// Leftovers are what a killed run left open on this machine.
	Leftovers []Leftover `json:"leftovers,omitempty"`
	Unknown   []Unknown  `json:"unknown,omitempty"`
	// Changes are what change journals say, by layer.
	Changes []Changes `json:"changes,omitempty"`
	// LastRun is when the newest recorded run began; zero when there is none.
	// A clock behind it cannot be right (safety rule 11).
	LastRun time.Time `json:"last_run,omitzero"`
	// History is what earlier runs found free, as their records tell.
	History []Room `json:"history,omitempty"`
}

// Pool finds the observation of a thin pool.
func (o Observation) Pool(volumeGroup, name string) (Pool, bool) {
	for _, p := range o.Pools {
		if p.VolumeGroup == volumeGroup && p.Name == name {
			return p, true
		}
	}
	return Pool{}, false
}

// Cluster finds the answer of a cluster.
func (o Observation) Cluster(k KubernetesSource) (Cluster, bool) {
	for _, c := range o.Clusters {
		if c.Kubeconfig == k.Kubeconfig && c.Context == k.Context {
			return c, true
		}
	}
	return Cluster{}, false
}

// Why gives the reason for which a thing could not be observed.
func (o Observation) Why(address string) (Unknown, bool) {
	for _, u := range o.Unknown {
		if u.Address == address {
			return u, true
		}
	}
	return Unknown{}, false
}

// Unknown is a thing that could not be observed, and why.
type Unknown struct {
	Address string `json:"address"` // PoolAddress, ClusterAddress, TreeAddress or DiskAddress
	Detail  string `json:"detail"`
}

// PoolAddress names a thin pool in Unknown.
func PoolAddress(volumeGroup, pool string) string { return "pool " + volumeGroup + "/" + pool }

// ClusterAddress names a cluster in Unknown.
func ClusterAddress(k KubernetesSource) string {
	address := "cluster in which bkplan runs"
	if k.Kubeconfig != "" {
		address = "cluster of " + k.Kubeconfig
	}
	if k.Context != "" {
		address += " (" + k.Context + ")"
	}
	return address
}

// Pool is a thin pool with all logical volumes that live in it.
type Pool struct {
	VolumeGroup     string  `json:"volume_group"`
	VolumeGroupUUID string  `json:"volume_group_uuid"`
	Name            string  `json:"name"`
	UUID            string  `json:"uuid"`
	Size            int64   `json:"size_bytes"`
	MetadataSize    int64   `json:"metadata_size_bytes"`
	DataPercent     Percent `json:"data_percent"`     // used
	MetadataPercent Percent `json:"metadata_percent"` // used
	// Volumes are the thin volumes of the pool, live ones and snapshots.
	Volumes []LogicalVolume `json:"volumes"`
	// Others are the names of the group's logical volumes outside the pool:
	// they take names, and nothing else is asked of them.
	Others []string `json:"others,omitempty"`
}

// Percent is a share of a pool as LVM reports it; nil is unknown, as for a
// pool that is not active.
type Percent = *float64

// LogicalVolume is a thin volume as LVM reports it.
type LogicalVolume struct {
	Name string `json:"name"`
	UUID string `json:"uuid"`
	// Origin is the volume of which this is a snapshot. LVM forgets it when
	// the origin is removed, so an empty one proves nothing.
	Origin         string    `json:"origin,omitempty"`
	OriginUUID     string    `json:"origin_uuid,omitempty"`
	Size           int64     `json:"size_bytes"`
	ThinID         int64     `json:"thin_id"`
	Active         bool      `json:"active,omitempty"`
	Open           bool      `json:"open,omitempty"` // in use, mounted for one
	SkipActivation bool      `json:"skip_activation,omitempty"`
	Tags           []string  `json:"tags,omitempty"`
	Created        time.Time `json:"created"`
	// Health is LVM's word for a volume that is not whole, else empty.
	Health string `json:"health,omitempty"`
}

// Cluster is what a Kubernetes API answered.
type Cluster struct {
	Kubeconfig string `json:"kubeconfig"` // as the policy names it; empty: in-cluster
	Context    string `json:"context,omitempty"`
	Server     string `json:"server"` // URL, without credentials
	// Seen is when the API gave this answer. When it is before the
	// observation's Time, the API did not answer and this is the last good
	// answer; Detail says why.
	Seen       time.Time          `json:"seen"`
	Detail     string             `json:"detail,omitempty"`
	Namespaces []string           `json:"namespaces"`
	Volumes    []PersistentVolume `json:"volumes"`
	Claims     []Claim            `json:"claims"`
}

// PersistentVolume is a PV of the cluster. Namespace and Claim are those of
// its claimRef, which a released volume keeps after the claim is gone.
type PersistentVolume struct {
	Name         string `json:"name"`
	Driver       string `json:"driver"`           // CSI driver, or the name of the volume plugin
	Handle       string `json:"handle,omitempty"` // CSI volume handle
	Phase        string `json:"phase"`
	Namespace    string `json:"namespace,omitempty"`
	Claim        string `json:"claim,omitempty"`
	StorageClass string `json:"storage_class,omitempty"`
	Bytes        int64  `json:"bytes"`
}

// Claim is a PVC of the cluster.
type Claim struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Volume    string `json:"volume,omitempty"` // the PV it is bound to
	Phase     string `json:"phase"`
}
