package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/retention"
)

// savedScene has a copy to make, a version to prune that needs nothing and one
// that waits for the copy, and something to clean.
func savedScene() *scene {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.scripted("vm-9999-pvc-1", days(1))
	s.layerNamed("weekly").Retention = retention.Rules{Last: 2}
	s.layerNamed("weekly").Guard.MaxPrune = share("100%")
	s.copied("2026-46", "apps/web", days(7))
	s.copied("2026-45", "apps/web", days(14))
	s.copied("2026-44", "apps/web", days(21))
	s.disk().Unfinished = []string{"weekly-0123456789abcdef"}
	return s
}

func TestWhatMakesASavedCopyStale(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(s *scene)
		id     string
		detail string
	}{
		{"nothing", func(*scene) {}, "", ""},
		{"time has passed", func(s *scene) { s.observation.Time = s.now.Add(time.Hour) }, "", ""},
		{"another run has made it", func(s *scene) { s.copied("2026-47", "apps/web", -time.Hour) }, `layer.weekly["apps/web"]`, "made in the future"},
		{"the newest has become far smaller", func(s *scene) { s.disk().Receipts[0].Files = 1 }, `layer.weekly["apps/web"]@2026-44`, "of 1073741824 bytes, and 2026-45 had"},
		{"the newest is lost", func(s *scene) {
			s.disk().Folders[0].Entries = s.disk().Folders[0].Entries[1:]
		}, `layer.weekly["apps/web"]@2026-45`, "not be planned any more"},
		{"a version that stays is lost", func(s *scene) {
			s.disk().Folders[0].Entries = append(s.disk().Folders[0].Entries[:1], s.disk().Folders[0].Entries[2:]...)
		}, `layer.weekly["apps/web"]@2026-44`, "would wait for another action"},
		{"the disk is not mounted", func(s *scene) { s.disk().FileSystem.MountPoint = "/" }, `layer.weekly["apps/web"]@2026-44`, "is not mounted"},
		{"the disk was not seen", func(s *scene) { s.observation.Disks = nil }, `layer.weekly["apps/web"]`, "could not be observed"},
		{"the disk is low", func(s *scene) { s.disk().FileSystem.Free = 1 }, `layer.weekly["apps/web"]`, "is the least"},
		{"the folder was moved by another run", func(s *scene) { s.disk().Unfinished = nil }, `layer.weekly["weekly-0123456789abcdef"]:clean`, "not be planned any more"},
		{"something is in the way", func(s *scene) {
			s.disk().Folders[0].Entries = append(s.disk().Folders[0].Entries, Entry{Path: "2026-47", Type: EntryFile})
		}, `layer.weekly["apps/web"]`, "is in the way"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := savedScene()
			p := s.build()
			if got := p.Summary(); got.Create != 2 || got.Prune != 2 || got.Clean != 1 {
				t.Fatalf("%+v", got)
			}
			test.change(s)
			stale := StaleActions(p, s.policy, s.observation)
			for _, a := range stale {
				if a.ID == test.id && strings.Contains(a.Detail, test.detail) {
					return
				}
			}
			if test.id != "" || len(stale) > 0 {
				t.Errorf("want %s with %q: %v", test.id, test.detail, stale)
			}
		})
	}
}

// What was acknowledged when the plan was made need not be again.
func TestSavedPlanKeepsWhatWasAcknowledged(t *testing.T) {
	s := savedScene()
	s.disk().Receipts[0].Files = 1
	p := Build(s.policy, s.observation, s.now, Options{Acknowledge: []string{"weekly"}})
	if p.Summary().Prune != 2 {
		t.Fatalf("%v", p.Actions)
	}
	if stale := StaleActions(p, s.policy, s.observation); len(stale) > 0 {
		t.Error(stale)
	}
}

func TestSavedSyncIsStaleWhenItsSourceHasMoved(t *testing.T) {
	s := newScene().mirrored("photos")
	p := s.build()
	if stale := StaleActions(p, s.policy, s.observation); len(stale) > 0 {
		t.Fatal(stale)
	}
	s.observation.Trees[0].FileSystem.MountPoint = "/"
	if stale := StaleActions(p, s.policy, s.observation); len(stale) != 1 || !strings.Contains(stale[0].Detail, "lies on / now") {
		t.Error(stale)
	}
}

// A saved plan of one layer or volume holds with the rest left out.
func TestSavedPlanThatWasNarrowedIsNotStale(t *testing.T) {
	for _, f := range []Filter{{Layers: []string{"weekly"}}, {Volumes: []string{"apps/*"}}, {Layers: []string{"weekly"}, Volumes: []string{"none"}}} {
		s := savedScene()
		p := Build(s.policy, s.observation, s.now, Options{Filter: f})
		if p.Summary().Clean != 1 {
			t.Errorf("%v leaves out what has to be cleaned first", f)
		}
		if _, err := simulate(p, s.observation); err != nil {
			t.Error(err)
		}
		if stale := StaleActions(p, s.policy, s.observation); len(stale) > 0 {
			t.Errorf("%v: %v", f, stale)
		}
	}
}
