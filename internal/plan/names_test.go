package plan

import (
	"strings"
	"testing"
	"time"
)

// A kubeconfig of another cluster, or a driver that is written wrongly, gives
// names that fit nothing here; taken at its word, it would lift every exclusion.
func TestClusterThatNamesNothingHereLiftsNoExclusion(t *testing.T) {
	s := newScene()
	s.policy.Excludes = []Exclude{{Name: "d", Namespaces: []string{"dbaas"}, Reason: "dumps"}}
	s.lv("vm-9999-pvc-1", "")
	s.pv("vm-9999-pvc-77", "apps/web", "Bound")
	p := s.build()
	wantActions(t, p)
	wantDrift(t, p, "unknown cluster of /root/.kube/config", "unmatched apps/web")
	block := p.Layers[0].Blocked
	if block == nil || block.Code != BlockNames || !strings.Contains(block.Detail, `its drivers are: `+testDriver) {
		t.Errorf("%+v", block)
	}
	s.policy.Excludes = nil
	p = s.build()
	wantActions(t, p, "create vm-9999-pvc-1")
	if len(p.Warnings) != 1 || p.Warnings[0].Code != WarnUnknown {
		t.Errorf("%+v", p.Warnings)
	}
}

// While it is not known what is in use, a snapshot that somebody bound a claim
// to looks like any other, so nothing is pruned.
func TestNothingIsPrunedWithoutNames(t *testing.T) {
	s := newScene()
	s.observation.Clusters = nil
	s.lv("vm-9999-pvc-1", "")
	s.scripted("vm-9999-pvc-1", time.Hour/2)
	old := s.scripted("vm-9999-pvc-1", days(20))
	wantActions(t, s.build(), "prune "+old+" blocked "+BlockNames)
}

// Two sources that match the same volume would each prune its versions by rules
// of their own.
func TestOverlappingSourcesAreBlocked(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	second := s.policy.Sources[0]
	second.Name = "all"
	lvm := *second.LVMThin
	lvm.Match = "vm-*"
	second.LVMThin = &lvm
	s.policy.Sources = append(s.policy.Sources, second)
	layer := s.policy.Layers[0]
	layer.Name, layer.From.Name = "second", "all"
	s.policy.Layers = append(s.policy.Layers, layer)
	p := s.build()
	wantActions(t, p)
	for _, l := range p.Layers {
		if l.Blocked == nil || l.Blocked.Code != BlockOverlap {
			t.Errorf("%s: %+v", l.Name, l.Blocked)
		}
	}
}

// A VM disk that was cloned from a template has an origin, and is no snapshot
// of anything that the source holds.
func TestLinkedCloneIsLive(t *testing.T) {
	s := newScene()
	s.policy.Sources[0].LVMThin.Match = "vm-*-disk-*"
	s.policy.Sources[0].LVMThin.Kubernetes = nil
	s.lv("base-100-disk-0", "")
	s.lv("vm-101-disk-0", "base-100-disk-0")
	s.lv("vm-101-disk-0-by-hand", "vm-101-disk-0")
	p := s.build()
	wantActions(t, p, "create vm-101-disk-0")
	wantDrift(t, p, "stale vm-101-disk-0", "foreign pve/vm-101-disk-0-by-hand", "unmatched pve/base-100-disk-0")
}

// A volume that waits for its claim is not one that a claim has left.
func TestPendingVolumeIsProtected(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.pv("vm-9999-pvc-2", "apps/new", "Available")
	s.lv("vm-9999-pvc-2", "")
	wantActions(t, s.build(), "create apps/new", "create apps/web")
}

// A filter with a typing error must not look like a plan without changes.
func TestFilterThatSelectsNothingIsToldOf(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	p := Build(s.policy, s.observation, s.now, Options{Filter: Filter{Volumes: []string{"apps/*", "aps/*"}}})
	if len(p.Warnings) != 1 || p.Warnings[0].Code != WarnNoMatch || !strings.Contains(p.Warnings[0].Detail, `"aps/*"`) {
		t.Errorf("%+v", p.Warnings)
	}
}

// Versions of excluded volumes do not enlarge the budget of the others.
func TestBudgetCountsOnlyWhatTheLayerKeeps(t *testing.T) {
	s := newScene()
	s.layer().Guard.MaxPrune = share("33%")
	s.policy.Excludes = []Exclude{{Name: "d", Namespaces: []string{"dbaas"}, Reason: "dumps"}}
	s.claim("apps/web", "vm-9999-pvc-1")
	s.claim("dbaas/mysql", "vm-9999-pvc-2")
	s.scripted("vm-9999-pvc-1", time.Minute)
	old := []string{s.scripted("vm-9999-pvc-1", days(21)), s.scripted("vm-9999-pvc-1", days(20))}
	for day := range 9 {
		s.scripted("vm-9999-pvc-2", days(day+1))
	}
	wantActions(t, s.build(), "prune "+old[0]+" blocked "+BlockBudget, "prune "+old[1]+" blocked "+BlockBudget)
}
