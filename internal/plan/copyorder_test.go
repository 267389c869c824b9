package plan

import (
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
)

// While an older script and bkplan fill one directory, last week's version may
// have been made late, after the script made this week's, of which only the week
// is known. Neither is pruned before there is a newer one.
func TestNewestByNameAndByTimeBothStay(t *testing.T) {
	s := newScene().withCopies()
	s.lv("vm-9999-pvc-1", "") // of the claim that is gone, so nothing new comes
	s.layerNamed("weekly").Retention = retention.Rules{Last: 1}
	s.layerNamed("weekly").Guard.MaxPrune = share("100%")
	s.copied("2026-45", "apps/web", days(2)) // a Sunday, so late by a week
	s.week("2026-46", "apps/web")
	s.week("2026-44", "apps/web")
	s.claim("apps/other", "vm-9999-pvc-2")
	wantPruned(t, s.build(), "2026-44")
}

// An adopted version counts from the beginning of its week, so this week's is due
// and is brought up to date, and last week's goes after that.
func TestThisWeeksVersionOfAScriptIsNewerThanLastWeeksOfBkplan(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.layerNamed("weekly").Retention = retention.Rules{Last: 1}
	s.layerNamed("weekly").Guard.MaxPrune = share("100%")
	s.copied("2026-46", "apps/web", days(3))
	s.week("2026-47", "apps/web")
	p := s.build()
	if a := action(t, p, `layer.weekly["apps/web"]`); a.Kind != Refresh || a.Copy.Previous != "2026-47/apps/web" {
		t.Errorf("%s %+v", a.Kind, a.Copy)
	}
	wantPruned(t, p, "2026-46")
}

// With keep_last = 1 the newest goes when its successor is there; the version
// that stays is that one.
func TestPruneNamesTheVersionThatStays(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.layerNamed("weekly").Retention = retention.Rules{Last: 1}
	s.layerNamed("weekly").Guard.MaxPrune = share("100%")
	s.copied("2026-45", "apps/web", days(14))
	s.copied("2026-46", "apps/web", days(7))
	p := s.build()
	first, last := action(t, p, `layer.weekly["apps/web"]@2026-45`), action(t, p, `layer.weekly["apps/web"]@2026-46`)
	if len(first.DependsOn) > 0 || first.Copy.Previous != "2026-46/apps/web" {
		t.Errorf("%v %+v", first.DependsOn, first.Copy)
	}
	if len(last.DependsOn) != 1 || last.Copy.Previous != "2026-47/apps/web" {
		t.Errorf("%v %+v", last.DependsOn, last.Copy)
	}
}

// A prune that waits for what does not fit is not planned.
func TestNothingWaitsForWhatDoesNotFit(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	for i, week := range []string{"2026-46", "2026-45", "2026-44", "2026-43"} {
		s.copied(week, "apps/web", days(7*i+2))
	}
	s.policy.Protections[0].MaxAge = quantity.Duration{Hours: 1}
	wantPruned(t, s.build(), "2026-43")
	s.disk().FileSystem.Free = 1<<40/100*15 + 1<<19
	p := s.build()
	wantPruned(t, p)
	if _, err := simulate(p, s.observation); err != nil {
		t.Error(err)
	}
}

// What one layer adds is not free for the next.
func TestLayersOnOneDiskShareItsRoom(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.scripted("vm-9999-pvc-1", days(1))
	second := *s.layerNamed("weekly")
	second.Name, second.Directory = "second", "second"
	s.policy.Layers = append(s.policy.Layers, second)
	s.disk().Folders = append(s.disk().Folders, Folder{Directory: "second", Depth: 3, Entries: []Entry{{Path: "2026-46/apps/web", Type: EntryFolder}}})
	r := *s.copied("2026-46", "apps/web", days(7))
	r.Layer, r.Path = "second", "second/2026-46/apps/web"
	s.disk().Receipts = append(s.disk().Receipts, r)
	s.disk().FileSystem.Free = s.policy.Destinations[0].MinFree.Bytes(1<<40) + 3<<19 // for one of both
	blocked := func(p Plan, layer string) bool {
		b := action(t, p, Address(layer, "apps/web")).Blocked
		return b != nil && b.Code == BlockSpace
	}
	if p := s.build(); blocked(p, "weekly") || !blocked(p, "second") {
		t.Errorf("%+v", p.Actions)
	}
	alone := Build(s.policy, s.observation, s.now, Options{Filter: Filter{Layers: []string{"second"}}})
	if blocked(alone, "second") || alone.Capacity[0].Adds != 1<<20 {
		t.Errorf("what is left out takes room: %+v", alone.Capacity)
	}
	s.disk().FileSystem.Free, s.disk().FileSystem.Inodes, s.disk().FileSystem.InodesFree = 1<<39, 30, 15
	if p := s.build(); blocked(p, "weekly") || !blocked(p, "second") {
		t.Errorf("%+v", p.Actions)
	}
}

// What a version frees is what the next one does not share with it.
func TestPruningTheFirstVersionFreesWhatHasChangedSince(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	for i, week := range []string{"2026-46", "2026-45", "2026-44", "2026-43"} {
		s.copied(week, "apps/web", days(7*i+2))
	}
	first, second := &s.disk().Receipts[3], &s.disk().Receipts[2]
	first.NewBytes, second.Bytes = first.Bytes, first.Bytes-3<<20
	if e := action(t, s.build(), `layer.weekly["apps/web"]@2026-43`).Copy.Estimate; e == nil || e.Bytes != 4<<20 || e.Inodes != 10 {
		t.Errorf("%+v", e)
	}
	s.disk().Receipts = s.disk().Receipts[:2]
	if e := action(t, s.build(), `layer.weekly["apps/web"]@2026-43`).Copy.Estimate; e != nil {
		t.Errorf("known without a receipt: %+v", e)
	}
}

// A version that cannot have been made yet is not made again beside itself.
func TestVersionFromTheFutureIsInTheWay(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.copied("2026-47", "apps/web", -time.Hour)
	if a := action(t, s.build(), `layer.weekly["apps/web"]`); a.Blocked == nil || a.Blocked.Code != BlockClock {
		t.Errorf("%s %+v", a.Kind, a.Blocked)
	}
}

func TestWhatHasTheNameOfAVersionIsInTheWay(t *testing.T) {
	for _, entry := range []Entry{
		{Path: ".", Type: EntryLink}, {Path: "2026-47", Type: EntryLink}, {Path: "2026-47/apps", Type: EntryFile}, {Path: "2026-47/apps/web", Type: EntryOther},
	} {
		s := newScene().withCopies()
		s.claim("apps/web", "vm-9999-pvc-1")
		s.disk().Folders[0].Entries = []Entry{entry}
		if a := action(t, s.build(), `layer.weekly["apps/web"]`); a.Blocked == nil || a.Blocked.Code != BlockForeign {
			t.Errorf("%s: %+v", entry.Path, a.Blocked)
		}
		s.disk().Folders[0].Entries[0].Path = path.Join(entry.Path, "..", "2026-4")
		if a := action(t, s.build(), `layer.weekly["apps/web"]`); a.Blocked != nil {
			t.Errorf("%+v", a.Blocked)
		}
	}
}

// The claim moved to another logical volume, and the old persistent volume still
// names it.
func TestClaimThatHasMovedIsOneVolume(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.lv("vm-100-disk-5", "")
	s.pv("vm-100-disk-5", "apps/web", "Released")
	for _, week := range []string{"2026-40", "2026-41", "2026-42", "2026-43", "2026-44"} {
		s.week(week, "apps/web")
	}
	p := s.build()
	if p.Layers[1].Versions != 5 || len(copyActions(p, Prune)) != 2 {
		t.Errorf("%d versions, %v", p.Layers[1].Versions, ids(p.Actions))
	}
}

// Safety rule 8: while volumes have no names, what has a name may be one of them.
func TestNamelessVolumeMayBeTheOneThatSeemsGone(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/other", "vm-9999-pvc-2")
	s.lv("vm-9999-pvc-1", "")
	s.cluster().Seen = s.now.Add(-days(3))
	s.layerNamed("weekly").Retention = retention.Rules{Within: quantity.Duration{Days: 8}}
	s.layerNamed("weekly").Guard.MaxPrune = share("100%")
	s.copied("2026-41", "apps/web", days(40))
	s.copied("2026-40", "apps/web", days(46))
	p := s.build()
	wantPruned(t, p)
	if slices.ContainsFunc(p.Drift, func(d Drift) bool { return strings.Contains(d.Detail, "is gone") }) {
		t.Errorf("%+v", p.Drift)
	}
	s.cluster().Seen = s.now
	wantPruned(t, s.build(), "2026-40") // the cluster answers, and does not know it
}

// Safety rule 10: what a volume that is excluded by now left behind is reported.
func TestVersionsOfAnExcludedVolumeAreReported(t *testing.T) {
	s := newScene().withCopies()
	s.claim("dbaas/pg", "vm-9999-pvc-1")
	s.copied("2026-40", "dbaas/pg", days(50))
	s.policy.Excludes = []Exclude{{Name: "dbaas", Namespaces: []string{"dbaas"}, Layers: []string{"weekly"}, Reason: "dumps"}}
	p := s.build()
	if len(copyActions(p, Create, Refresh, Prune)) > 0 || len(p.Excluded) != 1 || !hasDrift(p, Orphaned, "dbaas/pg") {
		t.Errorf("%v %+v", ids(p.Actions), p.Drift)
	}
}

// A volume that the snapshots leave out has an old snapshot at most: copied night
// after night, it would push out what is there.
func TestVolumeThatTheSnapshotsLeaveOutIsNotCopied(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.scripted("vm-9999-pvc-1", days(90))
	s.policy.Excludes = []Exclude{{Name: "one", Volumes: []string{"apps/web"}, Layers: []string{"snapshots"}, Reason: "no need"}}
	if a := action(t, s.build(), `layer.weekly["apps/web"]`); a.Blocked == nil || a.Blocked.Code != BlockSource {
		t.Errorf("%+v", a.Blocked)
	}
}

func TestDiskThatIsLowOnInodesGetsNothingNew(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.disk().FileSystem.Inodes, s.disk().FileSystem.InodesFree = 1000, 149
	if a := action(t, s.build(), `layer.weekly["apps/web"]`); a.Blocked == nil || a.Blocked.Code != BlockSpace {
		t.Errorf("%+v", a.Blocked)
	}
}

// A volume that the last answer of the cluster did not know could be excluded from
// the copies alone.
func TestUnknownVolumeThatCouldBeExcludedIsNotCopied(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/other", "vm-9999-pvc-2")
	s.lv("vm-9999-pvc-1", "")
	s.cluster().Seen = s.now.Add(-days(1))
	s.policy.Excludes = []Exclude{{Name: "dbaas", Namespaces: []string{"dbaas"}, Layers: []string{"weekly"}, Reason: "dumps"}}
	if a := action(t, s.build(), `layer.weekly["vm-9999-pvc-1"]`); a.Blocked == nil || a.Blocked.Code != BlockNames {
		t.Errorf("%+v", a.Blocked)
	}
}

// The receipt of a version that was adopted was written long after the version.
func TestAdoptedVersionIsAsOldAsItsName(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.copied("2026-46", "apps/web", time.Hour).Adopted = true
	if a := action(t, s.build(), `layer.weekly["apps/web"]`); a.Kind != Create || a.Version != "2026-47" {
		t.Errorf("%s %s", a.Kind, a.Version)
	}
}

// A disk that is more than half full may well take the second version.
func TestWhatTheVersionAfterTheFirstAddsIsNotKnown(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	first := s.copied("2026-46", "apps/web", days(7))
	first.NewBytes = first.Bytes
	s.disk().FileSystem.Free = s.policy.Destinations[0].MinFree.Bytes(1<<40) + first.Bytes/2
	p := s.build()
	if a := action(t, p, Address("weekly", "apps/web")); a.Copy.Estimate != nil || a.Blocked != nil || p.Capacity[0].Unknown != 1 {
		t.Errorf("%+v, %+v", a.Copy.Estimate, a.Blocked)
	}
	s.copied("2026-45", "apps/web", days(14))
	if a := action(t, s.build(), Address("weekly", "apps/web")); a.Copy.Estimate == nil || a.Blocked == nil {
		t.Errorf("there was one before: %+v, %+v", a.Copy.Estimate, a.Blocked)
	}
}
