package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
)

func TestHostThatSleptLosesNothing(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	for i := range 7 {
		s.scripted("vm-9999-pvc-1", days(60+i))
	}
	s.full(95, 50) // nothing new can be made, so nothing goes
	wantActions(t, s.build(), "create apps/web blocked low_space")
	s.full(50, 50)
	p := s.build()
	if p.Actions[0].Kind != Create || len(p.Actions) != 8 {
		t.Fatalf("actions %v", ids(p.Actions))
	}
	for _, a := range p.Actions[1:] {
		if !slices.Equal(a.DependsOn, []string{p.Actions[0].ID}) {
			t.Errorf("%s does not wait for the new version", a.ID)
		}
	}
	s.layer().Retention = retention.Rules{Daily: 7}
	if pruned := ofKind(s.build(), Prune); len(pruned) != 1 {
		t.Errorf("days without versions count: %v", ids(pruned))
	}
}

func TestVersionsOf2042StopPruning(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	old := s.scripted("vm-9999-pvc-1", days(9))
	s.scripted("vm-9999-pvc-1", days(1))
	s.scripted("vm-9999-pvc-1", -days(16*365))
	p := s.build()
	wantActions(t, p, "prune "+old+" blocked clock", "create apps/web")
	if len(p.Warnings) != 1 || p.Warnings[0].Code != WarnClock {
		t.Errorf("warnings %v", p.Warnings)
	}
}

func TestClockBehindTheLastRunStopsPruning(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	old := s.scripted("vm-9999-pvc-1", days(9))
	s.scripted("vm-9999-pvc-1", days(1))
	s.observation.LastRun = s.now.Add(4 * time.Minute)
	wantActions(t, s.build(), "prune "+old, "create apps/web")
	s.observation.LastRun = s.now.Add(days(2))
	p := s.build()
	wantActions(t, p, "prune "+old+" blocked clock", "create apps/web")
	if len(p.Warnings) != 1 || p.Warnings[0].Code != WarnClock {
		t.Errorf("warnings %v", p.Warnings)
	}
}

func TestScriptRunInTheRepeatedHourIsNotInTheFuture(t *testing.T) {
	s := newScene()
	s.now = time.Date(2026, 10, 25, 0, 31, 0, 0, time.UTC) // 03:31, for the first time
	s.observation.Time, s.observation.Clusters[0].Seen = s.now, s.now
	s.claim("apps/web", "vm-9999-pvc-1")
	s.lv("vm-9999-pvc-1_snap_20261025_0330", "vm-9999-pvc-1")
	p := s.build()
	wantActions(t, p)
	if len(p.Warnings) > 0 {
		t.Errorf("warnings %v", p.Warnings)
	}
}

func TestDisablingALayerDestroysNothing(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.own("monthly", "apps/web", "vm-9999-pvc-1", days(90))
	s.own("monthly", "apps/web", "vm-9999-pvc-1", days(60))
	s.scripted("vm-9999-pvc-1", time.Minute)
	p := s.build()
	wantActions(t, p)
	wantDrift(t, p, "orphaned apps/web")
	if d := p.Drift[0]; d.Layer != "monthly" || !strings.Contains(d.Detail, "not in the policy any more") {
		t.Errorf("drift %+v", d)
	}
}

func TestTagsOfAnotherBkplanAreNotAdopted(t *testing.T) {
	at := "20261101_0300"
	tags := snapshotTags("monthly", volume{name: "apps/web", lvName: "vm-9999-pvc-1"}, newScene().now.Add(-days(23)), newScene().now)
	for name, tags := range map[string][]string{
		"no time":        {tags[0], tags[1]},
		"two layers":     append(slices.Clone(tags), tagLayer+"snapshots"),
		"layer for time": {tags[0], tagLayer + "snapshots", tags[1]},
		"bad escape":     {tagLayer + "#zz", tags[1], tags[3]},
		"other origin":   {tags[0], tagOrigin + "vm-9999-pvc-2", tags[3]},
		"unknown kind":   {"bkplan.v2=monthly"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.claim("apps/web", "vm-9999-pvc-1")
			s.scripted("vm-9999-pvc-1", time.Minute)
			s.lv("vm-9999-pvc-1_snap_"+at, "vm-9999-pvc-1", tags...)
			p := s.build()
			wantActions(t, p)
			wantDrift(t, p, "foreign pve/vm-9999-pvc-1_snap_"+at)
		})
	}
}

func TestNewestThatLooksWrongHoldsPruning(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	old := s.scripted("vm-9999-pvc-1", days(9))
	s.scripted("vm-9999-pvc-1", days(1))
	s.scripted("vm-9999-pvc-1", 0)
	s.pool().Volumes[3].Health = "failed"
	s.full(95, 50)
	wantActions(t, s.build(), "prune "+old+" blocked suspect", "create apps/web blocked low_space")
	s.full(50, 50)
	s.pool().Volumes[3].Name = "vm-9999-pvc-1_snap_20261124_0329"
	p := s.build()
	wantActions(t, p, "create apps/web", "prune "+old)
	if len(p.Actions[1].DependsOn) != 1 {
		t.Errorf("%s does not wait for a version that is whole", p.Actions[1].ID)
	}
	wantDrift(t, p, "suspect pve/vm-9999-pvc-1_snap_20261124_0329")
}

func TestNearlyAllAtOnceIsNotPruned(t *testing.T) {
	s := newScene()
	s.layer().Guard.MaxPrune = quantity.Share{}
	s.layer().Retention = retention.Rules{Last: 1} // a typing error
	s.claim("apps/web", "vm-9999-pvc-1")
	for i := range 6 {
		s.scripted("vm-9999-pvc-1", time.Duration(i)*time.Hour)
	}
	p := s.build()
	for _, a := range p.Actions {
		if a.Blocked == nil || a.Blocked.Code != BlockBudget || !strings.Contains(a.Blocked.Unblock, "--acknowledge-prunes snapshots") {
			t.Errorf("%s: %+v", a.ID, a.Blocked)
		}
	}
	if len(p.Actions) != 5 || p.Summary().Changes() != 0 {
		t.Errorf("actions %v", ids(p.Actions))
	}
	p = Build(s.policy, s.observation, s.now, Options{Acknowledge: []string{"snapshots"}})
	if n := p.Summary().Prune; n != 5 {
		t.Errorf("acknowledged, and %d pruned", n)
	}
}

func TestVersionsOfTheSameMinute(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.layer().Retention = retention.Rules{Last: 1}
	a := s.scripted("vm-9999-pvc-1", days(1))
	s.lv(a+"00", "vm-9999-pvc-1")
	p := s.build()
	o, err := simulate(p, s.observation)
	if err != nil {
		t.Fatal(err)
	}
	s.observation = o
	wantActions(t, s.build())
}

func TestTwoLayersInTheSameMinuteTakeTwoNames(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	second := *s.layer()
	second.Name = "monthly"
	s.policy.Layers = append(s.policy.Layers, second)
	p := s.build()
	wantActions(t, p, "create apps/web", "create apps/web")
	if a, b := p.Actions[0].Version, p.Actions[1].Version; a != "vm-9999-pvc-1_snap_20261124_0330" || b != a+"_2" {
		t.Errorf("names %s and %s", a, b)
	}
}

func TestTooLongForLVMIsBlocked(t *testing.T) {
	s := newScene()
	s.pool().VolumeGroup = strings.Repeat("v", 110)
	s.policy.Sources[0].LVMThin.VolumeGroup = s.pool().VolumeGroup
	s.claim("apps/web", "vm-9999-pvc-1")
	wantActions(t, s.build(), "create apps/web blocked name_too_long")
}

// zrepl: no preview of pruning; the errors metric stayed at 0 through a month of
// failure. A prune is in the plan, and each volume has the time of its last success.
func TestPruningIsPreviewedAndSuccessIsOfEachVolume(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.claim("apps/stuck", "vm-9999-pvc-2")
	old := s.scripted("vm-9999-pvc-1", days(9))
	s.scripted("vm-9999-pvc-1", time.Hour)
	last := s.scripted("vm-9999-pvc-2", days(31))
	p := s.build()
	wantActions(t, p, "prune "+old, "create apps/stuck", "create apps/web", "prune "+last)
	newest := map[string]string{}
	for _, h := range p.Holdings {
		newest[h.Volume] = Age(s.now.Sub(h.Newest))
	}
	if newest["apps/web"] != "60m" || newest["apps/stuck"] != "31d" || Age(s.now.Sub(p.LastSuccess("snapshots"))) != "31d" {
		t.Errorf("%v, and of the layer %s", newest, p.LastSuccess("snapshots"))
	}
}

// Proxmox CSI: an app's database was green while its photos had no copy. What covers one
// volume of an app says nothing of the other.
func TestOneVolumeOfAnAppDoesNotCoverTheOther(t *testing.T) {
	s := newScene()
	s.claim("immich/database", "vm-9999-pvc-1")
	s.claim("immich/photos", "vm-9999-pvc-2")
	s.scripted("vm-9999-pvc-1", time.Minute)
	wantDrift(t, s.build(), "stale immich/photos")
	s.policy.Sources[0].LVMThin.Match = "vm-*-pvc-1"
	p := s.build()
	wantDrift(t, p, "unprotected immich/photos")
	wantActions(t, p)
	s.policy.Sources[0].LVMThin.Match = "vm-*-pvc-*"
	s.policy.Excludes = []Exclude{{Name: "large", Volumes: []string{"immich/photos"}, Reason: "large", Accept: true}}
	wantDrift(t, s.build(), "accepted immich/photos")
}
