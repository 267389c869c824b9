package plan

import (
	"strings"
	"testing"
	"time"
)

func TestWhatMakesASavedPlanStale(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(s *scene)
		action string // kind of the action that must be named
		detail string
	}{
		{"somebody else made a version", func(s *scene) {
			s.scripted("vm-9999-pvc-1", 10*time.Minute)
		}, "create", "its newest version is vm-9999-pvc-1_snap_20261124_0320 now"},
		{"the volume was replaced", func(s *scene) {
			s.pool().Volumes[0].UUID = "another"
		}, "create", "pve/vm-9999-pvc-1 is another volume now"},
		{"the volume is gone", func(s *scene) {
			s.pool().Volumes[0].Name = "vm-100-disk-0"
		}, "create", "pve/vm-9999-pvc-1 is gone"},
		{"the name is taken", func(s *scene) {
			s.pool().Others = []string{"vm-9999-pvc-1_snap_20261124_0330"}
		}, "create", "is taken"},
		{"the pool is low by now", func(s *scene) {
			s.full(91, 50)
		}, "create", "91.0% full, 90.0% is the limit"},
		{"the pool cannot be observed", func(s *scene) {
			s.observation.Pools = nil
		}, "prune", "could not be observed"},
		{"the layer is not in the policy", func(s *scene) {
			s.layer().Name = "other"
		}, "prune", "no such layer"},
		{"the version to prune was replaced", func(s *scene) {
			s.pool().Volumes[1].UUID = "another"
		}, "prune", "is another volume now"},
		{"the version that stays was lost", func(s *scene) {
			s.pool().Volumes = s.pool().Volumes[:2]
		}, "prune", "pve/vm-9999-pvc-1_snap_20261123_0330 is gone"},
		{"the version to prune belongs to another layer", func(s *scene) {
			s.pool().Volumes[1].Tags = []string{"bkplan.layer=monthly"}
		}, "prune", "is no version of vm-9999-pvc-1 any more"},
		{"the claim is excluded by now", func(s *scene) {
			s.cluster().Volumes[0].Namespace = "dbaas"
		}, "create", "would not be planned any more"},
		{"the cluster gives no names any more", func(s *scene) {
			s.observation.Clusters = nil
		}, "prune", "so which volumes are excluded is not known"},
		{"the version that stays looks wrong", func(s *scene) {
			s.pool().Volumes[2].Health = "failed"
		}, "create", "its newest version is"},
		{"the clock is behind the last run", func(s *scene) {
			s.observation.LastRun = s.now.Add(time.Hour)
		}, "prune", "the last run was at"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			s.policy.Excludes = []Exclude{{Name: "dbaas", Namespaces: []string{"dbaas"}, Reason: "dumps"}}
			s.claim("apps/web", "vm-9999-pvc-1")
			s.scripted("vm-9999-pvc-1", days(9))
			s.scripted("vm-9999-pvc-1", days(1))
			p := s.build()
			if n := p.Summary().Changes(); n != 2 {
				t.Fatalf("%d changes", n)
			}
			test.change(s)
			for _, stale := range StaleActions(p, s.policy, s.observation) {
				if a := actionOf(p, stale.ID); string(a.Kind) == test.action && strings.Contains(stale.Detail, test.detail) {
					return
				}
			}
			t.Errorf("no %s is stale with %q: %v", test.action, test.detail, StaleActions(p, s.policy, s.observation))
		})
	}
}

func actionOf(p Plan, id string) Action {
	for _, a := range p.Actions {
		if a.ID == id {
			return a
		}
	}
	return Action{}
}

func TestBlockedActionsAreNotStale(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.full(99, 99)
	p := s.build()
	s.pool().Volumes[0].UUID = "another"
	if stale := StaleActions(p, s.policy, s.observation); len(stale) > 0 {
		t.Errorf("stale: %v", stale)
	}
}
