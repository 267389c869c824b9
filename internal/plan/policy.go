package plan

import (
	"fmt"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
	"github.com/bkplan/bkplan/internal/schedule"
)

// Policy is the desired state: what one policy, evaluated with its variables,
// says. It is plain data in declaration order; package policy makes it from
// HCL and has checked everything that can be checked without looking at the
// world, so that Build need not.
type Policy struct {
	// Digest identifies the evaluated policy, variables included: comments and
	// layout do not change it. It is not part of what it digests.
	Digest       string        `json:"-"`
	Timezone     Zone          `json:"timezone"`
	StateDir     string        `json:"state_dir"`
	Protections  []Protection  `json:"policies,omitempty"`
	Sources      []Source      `json:"sources,omitempty"`
	Destinations []Destination `json:"destinations,omitempty"`
	Excludes     []Exclude     `json:"excludes,omitempty"`
	Layers       []Layer       `json:"layers,omitempty"`
	Metrics      Metrics       `json:"metrics,omitzero"`
	Alerts       Alerts        `json:"alerts,omitzero"`
	// Notifications say who is told how runs go.
	Notifications []Notification `json:"notifications,omitempty"`
}

// Layer finds a layer by name.
func (p Policy) Layer(name string) (Layer, bool) {
	for _, l := range p.Layers {
		if l.Name == name {
			return l, true
		}
	}
	return Layer{}, false
}

// Zone is a time zone of the IANA database, by name. The zero value is UTC.
type Zone struct{ location *time.Location }

// ParseZone looks a zone up by its IANA name. "Local" and "" are refused: a
// policy must mean the same on every machine.
func ParseZone(name string) (Zone, error) {
	if name == "" || name == "Local" {
		return Zone{}, fmt.Errorf("time zone %q: a name such as Europe/Sofia or UTC is needed", name)
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return Zone{}, fmt.Errorf("time zone %q is not in the time zone database", name)
	}
	return Zone{location}, nil
}

// Location is the zone for use with package time; never nil.
func (z Zone) Location() *time.Location {
	if z.location == nil {
		return time.UTC
	}
	return z.location
}

func (z Zone) String() string { return z.Location().String() }

// MarshalText writes the zone's name.
func (z Zone) MarshalText() ([]byte, error) { return []byte(z.String()), nil }

// UnmarshalText reads a zone's name.
func (z *Zone) UnmarshalText(text []byte) error {
	parsed, err := ParseZone(string(text))
	*z = parsed
	return err
}

// Protection is a `policy` block: what the volumes it selects must reach. The
// narrowest selection that matches a volume wins: volumes, then namespaces,
// then sources, then the one that selects everything.
type Protection struct {
	Name       string            `json:"name"`
	Sources    []string          `json:"sources,omitempty"`
	Namespaces []string          `json:"namespaces,omitempty"`
	Volumes    []string          `json:"volumes,omitempty"` // globs over volume names
	Copies     int               `json:"copies,omitempty"`
	Media      int               `json:"media,omitempty"`
	Offsite    int               `json:"offsite,omitempty"`
	MaxAge     quantity.Duration `json:"max_age,omitzero"` // recovery point objective; zero is none
}

// Source is a `source` block: a place that holds live data. Exactly the
// pointer of its kind is set.
type Source struct {
	Kind        string           `json:"kind"`
	Name        string           `json:"name"`
	Media       string           `json:"media,omitempty"`
	LVMThin     *LVMThinSource   `json:"lvm_thin,omitempty"`
	Directory   *DirectorySource `json:"directory,omitempty"`
	Paths       []string         `json:"paths,omitempty"`
	PFSense     *PFSenseSource   `json:"pfsense,omitempty"`
	Database    *DatabaseSource  `json:"database,omitempty"`
	Vaultwarden *FilesOfVolume   `json:"vaultwarden,omitempty"`
}

// Source kinds.
const (
	SourceLVMThin     = "lvm_thin"
	SourceDirectory   = "directory"
	SourcePaths       = "paths"
	SourcePFSense     = "pfsense"
	SourcePostgreSQL  = "postgresql"
	SourceMySQL       = "mysql"
	SourceEtcd        = "etcd"
	SourceVault       = "vault"
	SourceRedis       = "redis"
	SourceVaultwarden = "vaultwarden"
)

// LVMThinSource selects logical volumes of a thin pool. Match is a glob over
// names of logical volumes, matched whole.
type LVMThinSource struct {
	VolumeGroup string            `json:"volume_group"`
	ThinPool    string            `json:"thin_pool"`
	Match       string            `json:"match"`
	Kubernetes  *KubernetesSource `json:"kubernetes,omitempty"`
	LUKSKeyFile string            `json:"luks_key_file,omitempty"`
}

// KubernetesSource says which cluster names the volumes of a thin pool. An
// empty Kubeconfig is the cluster that bkplan runs in.
type KubernetesSource struct {
	Kubeconfig string `json:"kubeconfig,omitempty"`
	Context    string `json:"context,omitempty"`
	Driver     string `json:"driver"`
}

// DirectorySource is a tree whose children are volumes, if Each is set, else
// one volume.
type DirectorySource struct {
	Path string `json:"path"`
	Each string `json:"each,omitempty"`
	// RequireMount: when Path is no mount point, what is there is not the source.
	RequireMount bool `json:"require_mount,omitempty"`
}

// PFSenseSource is a pfSense, reached by ssh and by its REST API. It holds
// the names of key files, never keys.
type PFSenseSource struct {
	Address      string `json:"address,omitempty"`
	IdentityFile string `json:"identity_file,omitempty"`
	APIURL       string `json:"api_url,omitempty"`
	APIKeyFile   string `json:"api_key_file,omitempty"`
}

// DatabaseSource is a database that somebody else dumps: a CronJob,
// `namespace/name`.
type DatabaseSource struct {
	CronJob string `json:"cronjob,omitempty"`
}

// FilesOfVolume is part of a volume of another source.
type FilesOfVolume struct {
	Volume  string   `json:"volume"`
	Include []string `json:"include,omitempty"`
}

// Destination is a `destination` block: a place that holds copies.
type Destination struct {
	Kind         string             `json:"kind"` // "disk" or "ssh"
	Name         string             `json:"name"`
	Path         string             `json:"path"`
	RequireMount bool               `json:"require_mount,omitempty"`
	Media        string             `json:"media,omitempty"`
	Offsite      bool               `json:"offsite,omitempty"`
	Address      string             `json:"address,omitempty"`
	IdentityFile string             `json:"identity_file,omitempty"`
	MinFree      quantity.Threshold `json:"min_free,omitzero"`
	// BandwidthLimit is what one transfer may take, in bytes a second; zero is all.
	BandwidthLimit quantity.Size `json:"bandwidth_limit,omitzero"`
	// Quiet are the times of day in which no transfer begins.
	Quiet []schedule.Window `json:"quiet,omitempty"`
	// SynologyShare is the share of a Synology that holds Path: how long its own
	// snapshots are kept is looked at.
	SynologyShare string `json:"synology_share,omitempty"`
}

// Place says where it lies: its path, or `address:path`.
func (d Destination) Place() string { return Place(d.Address, d.Path) }

// Ref is how layers name it.
func (d Destination) Ref() Ref { return Ref{"destination", d.Kind, d.Name} }

// Destination kinds.
const (
	DestinationDisk = "disk"
	DestinationSSH  = "ssh"
)

// Exclude is an `exclude` block: volumes that some layers leave out, and why.
// A volume is excluded when any selector matches; identity is exact for
// namespaces, a glob over the whole name for volumes.
type Exclude struct {
	Name       string   `json:"name"`
	Namespaces []string `json:"namespaces,omitempty"`
	Volumes    []string `json:"volumes,omitempty"`
	Layers     []string `json:"layers,omitempty"` // names of layers; none means all
	Reason     string   `json:"reason"`
	// Accept: knowingly below the policy, so that drift lists the volume as
	// accepted and not as unprotected.
	Accept bool `json:"accept,omitempty"`
}

// Ref names a block: `source.pvcs` is {"source", "lvm_thin", "pvcs"}.
type Ref struct {
	Type string `json:"type"` // "source", "layer" or "destination"
	Kind string `json:"kind"` // names of sources are unique per kind only
	Name string `json:"name"`
}

func (r Ref) String() string { return r.Type + "." + r.Name }

// Layer is a `layer` block: a rule that keeps versions of some volumes
// somewhere.
type Layer struct {
	Kind         string            `json:"kind"`
	Name         string            `json:"name"`
	From         Ref               `json:"from"`
	To           Ref               `json:"to,omitzero"`
	Directory    string            `json:"directory,omitempty"`
	Version      string            `json:"version,omitempty"` // strftime format of version names
	Schedule     schedule.Calendar `json:"schedule"`
	FullSchedule schedule.Calendar `json:"full_schedule,omitzero"`
	// IntegritySchedule is when the live databases of a Vaultwarden are checked
	// between copies.
	IntegritySchedule schedule.Calendar `json:"integrity_schedule,omitzero"`
	// Files is a glob of a dump layer's files, relative to Directory; empty
	// means every file directly in it.
	Files string `json:"files,omitempty"`
	// Artifact is what a fetch layer fetches: ArtifactConfig or ArtifactFiles.
	Artifact  string          `json:"artifact,omitempty"`
	Retention retention.Rules `json:"retention,omitzero"`
	// PreRestore is the retention of `_pre_restore_` copies, which age from
	// now. Zero keeps all of them.
	PreRestore   retention.Rules `json:"pre_restore,omitzero"`
	Guard        Guard           `json:"guard,omitzero"`
	TrackChanges bool            `json:"track_changes,omitempty"`
	Exclude      []string        `json:"exclude,omitempty"` // rsync patterns
	// Timeout bounds one action of the layer; zero is the provider's default.
	Timeout quantity.Duration `json:"timeout,omitzero"`
	// Alert is of a layer that is stale, after Age, that fails or that never ran;
	// its Name is what these have in common. IntegrityAlert is of IntegritySchedule.
	Alert          Alert `json:"alert,omitzero"`
	IntegrityAlert Alert `json:"integrity_alert,omitzero"`
}

// Address is how the language refers to the layer: `layer.snapshots`.
func (l Layer) Address() string { return "layer." + l.Name }

// Layer kinds.
const (
	LayerSnapshot = "snapshot"
	LayerFiles    = "files"
	LayerSQLite   = "sqlite"
	LayerFetch    = "fetch"
	LayerDump     = "dump"
	LayerSync     = "sync"
)

// Guard holds the limits beyond which actions of a layer are blocked. Package
// policy fills in the defaults; a zero value is no limit, where it does not say
// otherwise.
type Guard struct {
	MinFreeData     quantity.Threshold `json:"min_free_data,omitzero"`
	MinFreeMetadata quantity.Threshold `json:"min_free_metadata,omitzero"`
	MaxDelete       quantity.Threshold `json:"max_delete,omitzero"`
	// MaxPrune is the share of a layer's versions that one plan may prune; zero
	// is a third of them.
	MaxPrune quantity.Share `json:"max_prune,omitzero"`
}

// Metrics says where metrics go.
type Metrics struct {
	Pushgateway Pushgateway `json:"pushgateway,omitzero"`
	Textfile    string      `json:"textfile,omitempty"` // path of a file that node_exporter reads
	// OlderNames adds the names by which older scripts pushed theirs.
	OlderNames bool `json:"older_names,omitempty"`
}

// Pushgateway is where metrics are pushed to; nowhere when it has no URL. It holds the
// name of a file with a password, never the password.
type Pushgateway struct {
	URL          string        `json:"url"`
	Username     string        `json:"username,omitempty"`
	PasswordFile string        `json:"password_file,omitempty"`
	CAFile       string        `json:"ca_file,omitempty"`
	Timeout      time.Duration `json:"timeout,omitempty"` // of one push; package policy fills in the default
}
