package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
)

// scene is a small homelab for tests that name one failure: a pool, a cluster
// that answers, one daily snapshot layer that keeps seven days.
type scene struct {
	policy      Policy
	observation Observation
	now         time.Time
}

func newScene() *scene {
	s := &scene{now: time.Date(2026, 11, 24, 1, 30, 0, 0, time.UTC)} // 03:30 in Sofia
	zone, err := ParseZone("Europe/Sofia")
	if err != nil {
		panic(err)
	}
	used := 50.0
	k := &KubernetesSource{Kubeconfig: "/root/.kube/config", Driver: testDriver}
	s.policy = Policy{
		Timezone:    zone,
		Protections: []Protection{{Name: "three-two-one", MaxAge: quantity.Duration{Hours: 26}}},
		Sources: []Source{{Kind: SourceLVMThin, Name: "pvcs", LVMThin: &LVMThinSource{
			VolumeGroup: testGroup, ThinPool: "data", Match: "vm-*-pvc-*", Kubernetes: k,
		}}},
		Layers: []Layer{{
			Kind: LayerSnapshot, Name: "snapshots", From: Ref{"source", SourceLVMThin, "pvcs"},
			Schedule: calendar("*-*-* 03:00"), Retention: retention.Rules{Within: quantity.Duration{Days: 7}},
			Guard: Guard{
				MinFreeData: quantity.Threshold{Share: share("10%")}, MinFreeMetadata: quantity.Threshold{Share: share("10%")},
				MaxPrune: share("100%"),
			},
		}},
	}
	s.observation = Observation{
		Time: s.now, Host: "pve1",
		Pools:    []Pool{{VolumeGroup: testGroup, Name: "data", Size: 1 << 40, MetadataSize: 1 << 30, DataPercent: &used, MetadataPercent: &used}},
		Clusters: []Cluster{{Kubeconfig: k.Kubeconfig, Seen: s.now, Namespaces: []string{"apps", "dbaas", "monitoring"}}},
	}
	return s
}

func (s *scene) layer() *Layer     { return &s.policy.Layers[0] }
func (s *scene) pool() *Pool       { return &s.observation.Pools[0] }
func (s *scene) cluster() *Cluster { return &s.observation.Clusters[0] }
func (s *scene) build() Plan       { return Build(s.policy, s.observation, s.now, Options{}) }

// full sets how full the pool is, in percent.
func (s *scene) full(data, metadata float64) {
	s.pool().DataPercent, s.pool().MetadataPercent = &data, &metadata
}

// lv adds a logical volume.
func (s *scene) lv(name, origin string, tags ...string) *LogicalVolume {
	p := s.pool()
	p.Volumes = append(p.Volumes, LogicalVolume{
		Name: name, UUID: "uuid-of-" + name, Origin: origin, Tags: tags, Created: s.now.Add(-1000 * time.Hour),
	})
	return &p.Volumes[len(p.Volumes)-1]
}

// pv adds a persistent volume for a logical volume, there or not.
func (s *scene) pv(lv, claim, phase string) *PersistentVolume {
	namespace, name, _ := strings.Cut(claim, "/")
	c := s.cluster()
	c.Volumes = append(c.Volumes, PersistentVolume{
		Name: "pv-" + lv, Driver: testDriver, Handle: "cluster/pve1/local-lvm/" + lv, Phase: phase, Namespace: namespace, Claim: name,
	})
	return &c.Volumes[len(c.Volumes)-1]
}

// claim adds a claim and its logical volume.
func (s *scene) claim(claim, lv string) {
	s.lv(lv, "")
	s.pv(lv, claim, "Bound")
}

// scripted adds a snapshot as the older scripts made it, so long ago.
func (s *scene) scripted(lv string, ago time.Duration) string {
	return s.named(lv, snapInfix, lv, ago)
}

// named adds a logical volume that is called like a copy of lv.
func (s *scene) named(lv, infix, origin string, ago time.Duration) string {
	name := lv + infix + s.now.Add(-ago).In(s.policy.Timezone.Location()).Format(stampLayout)
	s.lv(name, origin)
	return name
}

// own adds a snapshot that a layer made, so long ago.
func (s *scene) own(layer, claim, lv string, ago time.Duration) string {
	at := s.now.Add(-ago)
	name, _ := snapshotName(testGroup, lv, at.In(s.policy.Timezone.Location()), Facts(*s.pool()).Taken)
	s.lv(name, lv, snapshotTags(layer, volume{name: claim, lvName: lv}, at, at)...)
	return name
}

// days is a number of days of 24 hours.
func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// wantActions compares actions, written "create ns/claim" and "prune <lv>",
// blocked ones with the code of the block behind them.
func wantActions(t *testing.T, p Plan, want ...string) {
	t.Helper()
	var got []string
	for _, a := range p.Actions {
		text := string(a.Kind) + " " + a.Version
		if a.Kind == Create {
			text = "create " + a.Volume
		}
		if a.Blocked != nil {
			text += " blocked " + a.Blocked.Code
		}
		got = append(got, text)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("actions:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// wantDrift compares drift that counts, and what is accepted or unmatched,
// written "kind name".
func wantDrift(t *testing.T, p Plan, want ...string) {
	t.Helper()
	var got []string
	for _, d := range p.Drift {
		got = append(got, string(d.Kind)+" "+d.Name)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("drift:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
