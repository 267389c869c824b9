package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
)

// Each test is named after a failure that somebody has had, with this job or
// with another tool.

func TestPoolLowStillPrunes(t *testing.T) {
	for name, full := range map[string][2]float64{"data": {95, 50}, "metadata": {50, 90.1}} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.claim("apps/web", "vm-9999-pvc-1")
			old := s.scripted("vm-9999-pvc-1", days(9))
			s.scripted("vm-9999-pvc-1", days(1))
			s.full(full[0], full[1])
			wantActions(t, s.build(), "prune "+old, "create apps/web blocked low_space")
		})
	}
}

func TestPoolOfUnknownFillIsNotWrittenTo(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.pool().DataPercent = nil
	wantActions(t, s.build(), "create apps/web blocked unknown_capacity")
}

func TestPoolExactlyAtTheGuardIsNotLow(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.full(90, 90)
	s.pool().MetadataSize = 0
	wantActions(t, s.build(), "create apps/web")
	s.full(50, 90.01)
	wantActions(t, s.build(), "create apps/web blocked low_space")
	s.layer().Guard.MinFreeMetadata = quantity.Threshold{Size: 1 << 20}
	wantActions(t, s.build(), "create apps/web blocked low_space")
}

func TestExcludingPVC1DoesNotDropPVC10(t *testing.T) {
	s := newScene()
	s.claim("apps/pvc-1", "vm-9999-pvc-1")
	s.claim("apps/pvc-10", "vm-9999-pvc-10")
	s.claim("dbaas2/pvc-1", "vm-9999-pvc-2")
	s.policy.Excludes = []Exclude{{Name: "one", Volumes: []string{"apps/pvc-1"}, Namespaces: []string{"dbaas"}, Reason: "r"}}
	wantActions(t, s.build(), "create apps/pvc-10", "create dbaas2/pvc-1")
}

func TestUnreachableClusterDoesNotEmptyTheExclusions(t *testing.T) {
	s := newScene()
	s.claim("dbaas/postgresql", "vm-9999-pvc-1")
	s.claim("apps/web", "vm-9999-pvc-2")
	s.lv("vm-9999-pvc-3", "") // newer than the last good answer
	s.policy.Excludes = []Exclude{{Name: "dbaas", Namespaces: []string{"dbaas"}, Reason: "churn"}}
	s.cluster().Seen, s.cluster().Detail = s.now.Add(-50*time.Hour), "connection refused"
	p := s.build()
	wantActions(t, p, "create apps/web", "create vm-9999-pvc-3 blocked unknown_names")
	if len(p.Warnings) != 1 || p.Warnings[0].Code != WarnStaleNames || !strings.Contains(p.Warnings[0].Detail, "50h old") {
		t.Errorf("the age of the names is not told: %v", p.Warnings)
	}

	s.observation.Clusters = nil
	s.observation.Unknown = []Unknown{{ClusterAddress(*s.policy.Sources[0].LVMThin.Kubernetes), "connection refused"}}
	p = s.build()
	wantActions(t, p)
	if b := p.Layers[0].Blocked; b == nil || b.Code != BlockNames {
		t.Errorf("layer is not blocked: %v", b)
	}
	s.policy.Excludes[0].Layers = []string{"weekly"}
	wantActions(t, s.build(), "create vm-9999-pvc-1", "create vm-9999-pvc-2", "create vm-9999-pvc-3")
}

func TestObservationMadeWithoutTheClusterSaysSo(t *testing.T) {
	s := newScene()
	s.lv("vm-9999-pvc-1", "")
	s.observation.Clusters = nil
	wantDrift(t, s.build(), "stale vm-9999-pvc-1", "unknown cluster of /root/.kube/config")
}

func TestSnapshotOfRemovedClaimAgesOut(t *testing.T) {
	s := newScene()
	old := s.own("snapshots", "apps/gone", "vm-9999-pvc-1", days(9))
	newest := s.own("snapshots", "apps/gone", "vm-9999-pvc-1", days(8))
	for i := range s.pool().Volumes {
		s.pool().Volumes[i].Origin = ""
	}
	p := s.build()
	wantActions(t, p, "prune "+old)
	wantDrift(t, p, "orphaned vm-9999-pvc-1")
	if d := p.Drift[0].Detail; !strings.Contains(d, "apps/gone") || !strings.Contains(p.Drift[0].Hint, newest) {
		t.Errorf("drift %+v", p.Drift[0])
	}
}

func TestSnapshotsOfAVolumeThatWentMissingStay(t *testing.T) {
	s := newScene()
	s.pv("vm-9999-pvc-1", "apps/web", "Bound")
	s.named("vm-9999-pvc-1", snapInfix, "", days(9))
	s.named("vm-9999-pvc-1", snapInfix, "", days(8))
	p := s.build()
	wantActions(t, p)
	wantDrift(t, p, "missing apps/web")
}

func TestSnapshotsOfAnExcludedVolumeAreNotPrunedWhenItIsGone(t *testing.T) {
	s := newScene()
	s.own("snapshots", "dbaas/mysql", "vm-9999-pvc-1", days(30))
	s.own("snapshots", "dbaas/mysql", "vm-9999-pvc-1", days(20))
	for i := range s.pool().Volumes {
		s.pool().Volumes[i].Origin = ""
	}
	s.policy.Excludes = []Exclude{{Name: "dbaas", Namespaces: []string{"dbaas"}, Reason: "churn"}}
	wantActions(t, s.build())
}

func TestPreRestoreCopiesAreNotForgotten(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.layer().PreRestore = retention.Rules{Within: quantity.Duration{Days: 3}}
	aged := s.named("vm-9999-pvc-1", preRestoreInfix, "", days(4))
	s.named("vm-9999-pvc-1", preRestoreInfix, "", days(2))
	wantActions(t, s.build(), "create apps/web", "prune "+aged)
	s.full(99, 50)
	wantActions(t, s.build(), "create apps/web blocked low_space")
	s.layer().PreRestore = retention.Rules{}
	s.full(50, 50)
	wantActions(t, s.build(), "create apps/web")
}

func TestSnapshotsFromBeforeARestoreAreStillTheVolumes(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	copied := s.named("vm-9999-pvc-1", preRestoreInfix, "", days(1))
	before := s.named("vm-9999-pvc-1", snapInfix, copied, days(9))
	kept := s.own("snapshots", "apps/web", "vm-9999-pvc-1", days(2))
	s.pool().Volumes[3].Origin = copied
	s.pool().Volumes[0].Origin = kept // restored from it
	p := s.build()
	wantActions(t, p, "prune "+before, "create apps/web")
	wantDrift(t, p, "stale apps/web")
}

func TestVolumeRestoredFromANumberedSnapshotIsLive(t *testing.T) {
	s := newScene()
	s.policy.Sources[0].LVMThin.Kubernetes = nil
	s.lv("vm-9999-pvc-1", "")
	s.own("snapshots", "vm-9999-pvc-1", "vm-9999-pvc-1", days(1))
	numbered := s.own("snapshots", "vm-9999-pvc-1", "vm-9999-pvc-1", days(1))
	s.pool().Volumes[0].Origin = numbered
	wantActions(t, s.build(), "create vm-9999-pvc-1")
}

func TestClaimedSnapshotIsLive(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.scripted("vm-9999-pvc-1", days(1))
	claimed := s.scripted("vm-9999-pvc-1", days(9))
	saved := s.build()
	wantActions(t, saved, "prune "+claimed, "create apps/web")
	s.pv(claimed, "apps/rescued", "Bound")
	wantActions(t, s.build(), "create apps/rescued", "create apps/web")
	if stale := StaleActions(saved, s.policy, s.observation); len(stale) != 1 || !strings.Contains(stale[0].Detail, claimed) {
		t.Errorf("a plan made before would remove the claimed volume: %v", stale)
	}
}

func TestReleasedVolumesGetNoSnapshots(t *testing.T) {
	s := newScene()
	s.lv("vm-9999-pvc-1", "")
	s.pv("vm-9999-pvc-1", "apps/gone", "Released")
	old := s.scripted("vm-9999-pvc-1", days(10))
	s.scripted("vm-9999-pvc-1", days(9))
	p := s.build()
	wantActions(t, p, "prune "+old)
	wantDrift(t, p, "orphaned vm-9999-pvc-1")
}
