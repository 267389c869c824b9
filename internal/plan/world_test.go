package plan

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
	"github.com/bkplan/bkplan/internal/schedule"
)

// world is a policy and what is observed, with what is true of each logical
// volume: known by construction, not read from names and tags.
type world struct {
	policy      Policy
	observation Observation
	now         time.Time
	volumes     []*trueVolume
	versions    map[string]trueVersion // by name of the logical volume
}

// trueVolume is a volume as the world made it.
type trueVolume struct {
	lvName           string
	namespace, claim string
	pv               string // "", "Bound", "Released"; what the cluster answers
	noLV             bool
	hidden           bool // the claim is newer than the cluster's answer
}

func (v trueVolume) claimName() string { return v.namespace + "/" + v.claim }

// trueVersion is a snapshot that belongs to a layer.
type trueVersion struct {
	layer, origin string
	time          time.Time
	preRestore    bool
	healthy       bool
}

const (
	testDriver = "csi.proxmox.sinextra.dev"
	testGroup  = "pve"
)

var worldZones = []string{"Europe/Sofia", "UTC", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"}

var worldNows = []time.Time{
	time.Date(2026, 10, 25, 0, 59, 59, 0, time.UTC), // the last hour before winter time in Sofia
	time.Date(2026, 10, 25, 1, 30, 0, 700, time.UTC),
	time.Date(2026, 3, 29, 1, 5, 0, 0, time.UTC),
	time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC),
	time.Date(2028, 2, 29, 12, 0, 0, 700e6, time.UTC), // after a slot of the same second
	time.Date(2011, 12, 30, 11, 0, 0, 0, time.UTC),    // Apia left out a day
	time.Date(2027, 1, 1, 1, 0, 0, 0, time.UTC),
}

func drawWorld(t *rapid.T) *world {
	w := &world{now: rapid.SampledFrom(worldNows).Draw(t, "now"), versions: map[string]trueVersion{}}
	zone, err := ParseZone(rapid.SampledFrom(worldZones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	w.observation = Observation{Time: w.now, Host: "pve1"}
	w.policy = Policy{
		Timezone:    zone,
		Protections: []Protection{{Name: "all", MaxAge: quantity.Duration{Hours: 26}}},
		Sources:     []Source{{Kind: SourceLVMThin, Name: "pvcs", LVMThin: &LVMThinSource{VolumeGroup: testGroup, ThinPool: "data", Match: "vm-*-pvc-*"}}},
	}
	w.drawLayers(t)
	w.drawPool(t)
	w.drawVolumes(t)
	w.drawCluster(t)
	w.drawExcludes(t)
	for _, v := range w.volumes {
		w.drawVersions(t, v)
	}
	w.drawForeign(t)
	w.observation.LastRun = rapid.SampledFrom([]time.Time{{}, {}, w.now.Add(-24 * time.Hour), w.now.Add(time.Minute), w.now.Add(time.Hour)}).Draw(t, "last run")
	return w
}

func (w *world) drawLayers(t *rapid.T) {
	expressions := []string{"*-*-* 03:00", "hourly", "Sun *-*-1..7 06:00", "*:0/15", "*-*-* *:*:00.5", ""}
	for _, name := range []string{"snapshots", "mon/thly #1"}[:rapid.IntRange(1, 2).Draw(t, "layers")] {
		l := Layer{
			Kind: LayerSnapshot, Name: name, From: Ref{"source", SourceLVMThin, "pvcs"},
			Retention: drawRules(t, "retention"), PreRestore: drawRules(t, "pre_restore"),
		}
		if e := rapid.SampledFrom(expressions).Draw(t, "schedule"); e != "" {
			l.Schedule = calendar(e)
		}
		l.Guard.MinFreeData = rapid.SampledFrom([]quantity.Threshold{{}, {Share: share("10%")}, {Size: 50 << 30}}).Draw(t, "min_free_data")
		l.Guard.MinFreeMetadata = rapid.SampledFrom([]quantity.Threshold{{}, {Share: share("10%")}}).Draw(t, "min_free_metadata")
		l.Guard.MaxPrune = rapid.SampledFrom([]quantity.Share{{}, {}, share("100%"), share("100%"), share("10%"), share("0%")}).Draw(t, "max_prune")
		w.policy.Layers = append(w.policy.Layers, l)
	}
}

func drawRules(t *rapid.T, label string) retention.Rules {
	return rapid.SampledFrom([]retention.Rules{
		{}, {Last: 1}, {Last: 1}, {Last: 2}, {Within: quantity.Duration{Days: 2}}, {Within: quantity.Duration{Minutes: 30}},
		{Hourly: 2, Daily: 2}, {Weekly: 1, Last: 1}, {WithinDaily: quantity.Duration{Days: 7}}, {Monthly: 2},
	}).Draw(t, label)
}

func (w *world) drawPool(t *rapid.T) {
	percent := func(label string) Percent {
		p := rapid.SampledFrom([]float64{12, 50, 50, 50, 89.9, 95, -1}).Draw(t, label)
		if p < 0 {
			return nil
		}
		return &p
	}
	w.observation.Pools = []Pool{{
		VolumeGroup: testGroup, Name: "data", UUID: "pool", Size: 100 << 30, MetadataSize: 1 << 30,
		DataPercent: percent("data"), MetadataPercent: percent("metadata"), Others: []string{"root", "swap"},
	}}
	w.add(LogicalVolume{Name: "vm-100-disk-0"})
}

func (w *world) pool() *Pool { return &w.observation.Pools[0] }

func (w *world) taken(name string) bool { return Facts(*w.pool()).Taken(name) }

// add puts a logical volume into the pool unless its name is taken.
func (w *world) add(lv LogicalVolume) bool {
	if w.taken(lv.Name) {
		return false
	}
	lv.UUID = fmt.Sprintf("uuid-%d", len(w.pool().Volumes))
	if lv.Created.IsZero() {
		lv.Created = w.now.Add(-1000 * time.Hour)
	}
	w.pool().Volumes = append(w.pool().Volumes, lv)
	return true
}

// lvNames are prefixes of one another, look like snapshots in the middle, and
// are as long as LVM allows.
var lvNames = []string{
	"vm-9999-pvc-1", "vm-9999-pvc-10", "vm-9999-pvc-1_snap_x", "vm-9999-pvc-a+b.c_d-e",
	"vm-9999-pvc-" + strings.Repeat("x", 104), "vm-9999-pvc-1_pre_restore_x",
}

func (w *world) drawVolumes(t *rapid.T) {
	for i, name := range lvNames[:rapid.IntRange(1, len(lvNames)).Draw(t, "volumes")] {
		v := &trueVolume{
			lvName: name, claim: fmt.Sprintf("data-%d", i),
			namespace: rapid.SampledFrom([]string{"apps", "dbaas"}).Draw(t, "namespace"),
			pv:        rapid.SampledFrom([]string{"Bound", "Bound", "Bound", "Released", ""}).Draw(t, "pv"),
			noLV:      rapid.IntRange(0, 5).Draw(t, "no lv") == 0,
			hidden:    rapid.IntRange(0, 4).Draw(t, "hidden") == 0,
		}
		if !v.noLV {
			w.add(LogicalVolume{Name: name})
		}
		w.volumes = append(w.volumes, v)
	}
}

// drawCluster gives the cluster's answer: none wanted, fresh, old or never.
func (w *world) drawCluster(t *rapid.T) {
	mode := rapid.SampledFrom([]string{"none", "fresh", "fresh", "stale", "absent"}).Draw(t, "cluster")
	if mode == "none" {
		return
	}
	k := &KubernetesSource{Kubeconfig: "/root/.kube/config", Driver: testDriver}
	w.policy.Sources[0].LVMThin.Kubernetes = k
	if mode == "absent" {
		w.observation.Unknown = []Unknown{{ClusterAddress(*k), "connection refused"}}
		return
	}
	c := Cluster{Kubeconfig: k.Kubeconfig, Seen: w.now, Namespaces: []string{"apps", "dbaas"}}
	if mode == "stale" {
		c.Seen, c.Detail = w.now.Add(-50*time.Hour), "connection refused"
	}
	for i, v := range w.volumes {
		if v.pv == "" || mode == "stale" && v.hidden {
			continue
		}
		handle := []string{"cluster/pve1/local-lvm/", "local-lvm:"}[i%2] + v.lvName
		c.Volumes = append(c.Volumes, PersistentVolume{
			Name: fmt.Sprintf("pv-%d", i), Driver: testDriver, Handle: handle, Phase: v.pv, Namespace: v.namespace, Claim: v.claim,
		})
	}
	w.observation.Clusters = []Cluster{c}
}

func (w *world) drawExcludes(t *rapid.T) {
	layers := rapid.SampledFrom([][]string{nil, {"snapshots"}, {"weekly"}}).Draw(t, "excluded layers")
	switch rapid.IntRange(0, 3).Draw(t, "excludes") {
	case 1:
		w.policy.Excludes = []Exclude{{Name: "dbaas", Namespaces: []string{"dbaas"}, Layers: layers, Reason: "dumps"}}
	case 2:
		w.policy.Excludes = []Exclude{{Name: "one", Volumes: []string{w.volumes[0].claimName(), w.volumes[0].lvName}, Layers: layers, Reason: "no need"}}
	}
}

func calendar(expression string) schedule.Calendar {
	c, err := schedule.Parse(expression)
	if err != nil {
		panic(err)
	}
	return c
}

func share(text string) quantity.Share {
	s, err := quantity.ParseShare(text)
	if err != nil {
		panic(err)
	}
	return s
}
