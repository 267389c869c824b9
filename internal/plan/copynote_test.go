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

// withCopies gives a scene a disk and a files layer that copies its snapshots.
func (s *scene) withCopies() *scene {
	s.policy.StateDir = "/var/lib/bkplan"
	s.policy.Destinations = []Destination{{Kind: DestinationDisk, Name: "sda", Path: testDisk, RequireMount: true, MinFree: quantity.Threshold{Share: share("15%")}}}
	s.policy.Layers = append(s.policy.Layers, Layer{
		Kind: LayerFiles, Name: "weekly", From: Ref{"layer", LayerSnapshot, "snapshots"}, To: Ref{"destination", DestinationDisk, "sda"},
		Directory: "pvc-data", Version: "%Y-%W", Schedule: calendar("*-*-* 05:00"), Retention: retention.Rules{Last: 4},
	})
	s.now = s.now.Add(4 * time.Hour) // 07:30 in Sofia, so both layers are due
	s.observation.Time, s.observation.Clusters[0].Seen = s.now, s.now
	s.observation.Disks = []Disk{{
		Path: testDisk, FileSystem: FileSystem{Device: "8:2", MountPoint: testDisk, Size: 1 << 40, Free: 1 << 39},
		Folders: []Folder{{Directory: "pvc-data", Depth: 3}},
	}}
	return s
}

func (s *scene) disk() *Disk { return &s.observation.Disks[0] }

// copied adds a version that bkplan made of a claim, so long ago.
func (s *scene) copied(version, claim string, ago time.Duration) *Receipt {
	s.week(version, claim)
	at := s.now.Add(-ago)
	d := s.disk()
	d.Receipts = append(d.Receipts, Receipt{
		Layer: "weekly", Volume: claim, Version: version, Path: path.Join("pvc-data", version, claim), Slot: at, Started: at, Ended: at,
		Source: ReceiptSource{Taken: at}, Files: 1000, Bytes: 1 << 30, NewBytes: 1 << 20, Directories: 10,
	})
	return &d.Receipts[len(d.Receipts)-1]
}

// week adds a version that an older script made.
func (s *scene) week(version, claim string) {
	f := &s.disk().Folders[0]
	f.Entries = append(f.Entries, Entry{Path: version + "/" + claim, Type: EntryFolder})
}

func action(t *testing.T, p Plan, id string) Action {
	t.Helper()
	i := slices.IndexFunc(p.Actions, func(a Action) bool { return a.ID == id })
	if i < 0 {
		t.Fatalf("no action %s among %v", id, ids(p.Actions))
	}
	return p.Actions[i]
}

func TestCopyIsOfTheSnapshotThatThePlanMakes(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.scripted("vm-9999-pvc-1", days(1))
	a := action(t, s.build(), `layer.weekly["apps/web"]`)
	snapshot := action(t, s.build(), `layer.snapshots["apps/web"]`)
	if a.Copy.From.Snapshot.Name != snapshot.Version || !slices.Equal(a.DependsOn, []string{snapshot.ID}) || a.Copy.Path != "2026-47/apps/web" {
		t.Errorf("%+v", a.Copy)
	}
	p := Build(s.policy, s.observation, s.now, Options{Filter: Filter{Layers: []string{"weekly"}}})
	if a := p.Actions[0]; len(a.DependsOn) != 0 || a.Copy.From.Snapshot.UUID == "" {
		t.Errorf("alone, the layer needs a snapshot that nobody makes: %+v", a)
	}
	s.full(95, 50) // no new snapshot, so the one there is serves
	if a := action(t, s.build(), `layer.weekly["apps/web"]`); a.Blocked != nil || a.Copy.From.Snapshot.UUID == "" {
		t.Errorf("%+v", a)
	}
}

func TestWithinTheWeekItsVersionIsRefreshed(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.copied("2026-47", "apps/web", days(1))
	a := action(t, s.build(), `layer.weekly["apps/web"]`)
	if a.Kind != Refresh || a.Copy.Previous != "2026-47/apps/web" {
		t.Errorf("%s %+v", a.Kind, a.Copy)
	}
}

// A PVC renamed or new in mid-week had no previous version to link to.
func TestPreviousIsTheNewestOfTheVolumeWhateverItsWeek(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.copied("2026-40", "apps/web", days(50))
	s.copied("2026-46", "apps/other", days(7))
	if a := action(t, s.build(), `layer.weekly["apps/web"]`); a.Copy.Previous != "2026-40/apps/web" {
		t.Errorf("%+v", a.Copy)
	}
}

// `%Y-%W` around New Year: 2026-52, 2027-00. Order is time, not text.
func TestVersionsAreOrderedByTimeAcrossNewYear(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.now = time.Date(2027, 1, 12, 5, 0, 0, 0, time.UTC)
	s.observation.Time, s.cluster().Seen = s.now, s.now
	for _, week := range []string{"2027-00", "2026-52", "2027-01", "2026-51", "2026-50"} {
		s.week(week, "apps/web")
	}
	p := s.build()
	if a := action(t, p, `layer.weekly["apps/web"]`); a.Copy.Previous != "2027-01/apps/web" || a.Version != "2027-02" {
		t.Errorf("%+v", a.Copy)
	}
	wantPruned(t, p, "2026-50", "2026-51")
}

func wantPruned(t *testing.T, p Plan, versions ...string) {
	t.Helper()
	var got []string
	for _, a := range copyActions(p, Prune) {
		if a.Blocked == nil {
			got = append(got, a.Version)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, versions) {
		t.Errorf("pruned %v, want %v", got, versions)
	}
}

// Retention was `ls … | head -n -4 | xargs rm -rf`: any ????-?? counted, and an
// empty newest week pushed a good one out.
func TestOnlyVersionsOfTheVolumeCount(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	for _, week := range []string{"2026-43", "2026-44", "2026-45", "2026-46"} {
		s.week(week, "apps/web")
	}
	f := &s.disk().Folders[0]
	f.Entries = append(f.Entries, Entry{Path: "2026-48", Type: EntryFolder}, Entry{Path: "2026-99", Type: EntryFolder}, Entry{Path: "9999-00/apps/web", Type: EntryFile}, Entry{Path: "notes.txt", Type: EntryFile})
	p := s.build()
	wantPruned(t, p, "2026-43")
	if a := action(t, p, `layer.weekly["apps/web"]@2026-43`); !slices.Equal(a.DependsOn, []string{`layer.weekly["apps/web"]`}) {
		t.Errorf("%+v", a)
	}
	if foreign := keep(p.Drift, func(d Drift) bool { return d.Kind == Foreign }); len(foreign) != 4 {
		t.Errorf("%+v", foreign)
	}
}

// rsnapshot: an unmounted source was backed up as empty, and good versions
// rotated out.
func TestSourceThatIsNotMountedOrEmptyIsNotCopied(t *testing.T) {
	s := newScene()
	s.policy.Sources = []Source{{Kind: SourceDirectory, Name: "nfs", Directory: &DirectorySource{Path: testTree, Each: "*", RequireMount: true}}}
	s.withCopies()
	s.policy.Layers = s.policy.Layers[1:]
	s.layer().From, s.disk().Folders[0].Depth = Ref{"source", SourceDirectory, "nfs"}, 2
	for _, week := range []string{"2026-40", "2026-41", "2026-42", "2026-43", "2026-44"} {
		s.week(week, "photos")
	}
	for name, tree := range map[string]Tree{
		"not mounted": {Path: testTree, FileSystem: FileSystem{MountPoint: "/"}, Children: []Child{{Name: "photos", Type: EntryFolder}}},
		"empty":       {Path: testTree, FileSystem: FileSystem{MountPoint: testTree}},
	} {
		s.observation.Trees = []Tree{tree}
		p := s.build()
		if len(p.Actions) != 0 || p.Layers[0].Blocked == nil || p.Layers[0].Blocked.Code != BlockSource {
			t.Errorf("%s: %v %+v", name, ids(p.Actions), p.Layers[0].Blocked)
		}
	}
}

// A directory can be a source and a destination.
func TestOwnFolderIsNoVolume(t *testing.T) {
	tree := Tree{Children: []Child{{Name: OwnFolder, Type: EntryFolder}, {Name: "photos", Type: EntryFolder}}}
	if got := tree.volumes("*"); !slices.Equal(got, []string{"photos"}) {
		t.Error(got)
	}
}

// A source that was mounted when it was last copied shows what is below the
// mount point when it is not.
func TestSourceOnAnotherMountIsHeldBack(t *testing.T) {
	s := newScene()
	s.policy.Sources = []Source{{Kind: SourceDirectory, Name: "photos", Directory: &DirectorySource{Path: testTree}}}
	s.withCopies()
	s.policy.Layers = s.policy.Layers[1:]
	s.layer().From, s.disk().Folders[0].Depth = Ref{"source", SourceDirectory, "photos"}, 2
	s.observation.Trees = []Tree{{Path: testTree, FileSystem: FileSystem{MountPoint: "/"}, Children: []Child{{Name: "x", Type: EntryFile}}}}
	s.copied("2026-46", "photos", days(7)).Source.MountPoint = testTree
	p := s.build()
	if a := p.Actions[0]; a.Blocked == nil || a.Blocked.Code != BlockSource || !strings.Contains(a.Blocked.Detail, testTree) {
		t.Errorf("%+v", a.Blocked)
	}
	if a := Build(s.policy, s.observation, s.now, Options{Acknowledge: []string{"weekly"}}).Actions[0]; a.Blocked != nil || !a.Copy.AcceptLoss {
		t.Errorf("%+v", a.Blocked)
	}
}

// Sudden shrinkage holds pruning, until somebody has looked.
func TestNothingIsPrunedWhileTheNewestIsFarSmaller(t *testing.T) {
	s := newScene().withCopies()
	s.policy.Layers = s.policy.Layers[1:]
	s.policy.Layers = append(s.policy.Layers, newScene().policy.Layers...)
	s.claim("apps/web", "vm-9999-pvc-1")
	for i, week := range []string{"2026-47", "2026-46", "2026-45", "2026-44", "2026-43"} {
		s.copied(week, "apps/web", days(7*i)+time.Hour)
	}
	wantPruned(t, s.build(), "2026-43")
	s.disk().Receipts[0].Files = 100
	p := s.build()
	wantPruned(t, p)
	if a := copyActions(p, Prune)[0]; a.Blocked == nil || a.Blocked.Code != BlockSuspect {
		t.Errorf("%+v", a)
	}
	if !slices.ContainsFunc(p.Drift, func(d Drift) bool { return d.Kind == Suspect && d.Name == "apps/web" }) {
		t.Errorf("%+v", p.Drift)
	}
	wantPruned(t, Build(s.policy, s.observation, s.now, Options{Acknowledge: []string{"weekly"}}), "2026-43")
}

// Released PVs (retained, no claim) were copied for weeks.
func TestReleasedVolumesAreNotCopied(t *testing.T) {
	s := newScene().withCopies()
	s.lv("vm-9999-pvc-1", "")
	s.pv("vm-9999-pvc-1", "apps/web", "Released")
	s.claim("apps/other", "vm-9999-pvc-2")
	s.copied("2026-44", "apps/web", days(21))
	p := s.build()
	if copies := copyActions(p, Create, Refresh); len(copies) != 1 || copies[0].Volume != "apps/other" {
		t.Errorf("%v", ids(copies))
	}
	if !slices.ContainsFunc(p.Drift, func(d Drift) bool { return d.Kind == Orphaned && d.Layer == "weekly" && d.Name == "apps/web" }) {
		t.Errorf("%+v", p.Drift)
	}
}

// The claim is there and its logical volume is not: what there is of it must not
// age out.
func TestVersionsOfAMissingVolumeStay(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/other", "vm-9999-pvc-2")
	s.pv("vm-9999-pvc-1", "apps/web", "Bound")
	s.policy.Layers[1].Retention = retention.Rules{Within: quantity.Duration{Days: 1}}
	s.policy.Layers[1].Guard.MaxPrune = share("100%")
	s.copied("2026-40", "apps/web", days(40))
	s.copied("2026-41", "apps/web", days(39)+time.Hour)
	wantPruned(t, s.build())
}

func TestPlanSaysWhenTheSnapshotIsTheOneThatWasCopied(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	name := s.own("snapshots", "apps/web", "vm-9999-pvc-1", time.Hour)
	s.copied("2026-47", "apps/web", days(1)).Source.Snapshot = &SnapshotRef{testGroup, name, "uuid-of-" + name}
	a := action(t, s.build(), `layer.weekly["apps/web"]`)
	if a.Reason.Code != ReasonUnchanged || a.Copy.Estimate == nil || *a.Copy.Estimate != (Estimate{}) {
		t.Errorf("%+v %+v", a.Reason, a.Copy.Estimate)
	}
}

func TestPlanKnowsWhatTheDiskHasRoomFor(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.claim("apps/new", "vm-9999-pvc-2")
	for i, week := range []string{"2026-46", "2026-45", "2026-44", "2026-43"} {
		s.copied(week, "apps/web", days(7*i+2))
	}
	c := s.build().Capacity[0]
	if c.Adds != 1<<20 || c.Frees != 1<<20 || c.FreeAfter != 1<<39 || c.Unknown != 1 {
		t.Errorf("%+v", c)
	}
	s.disk().FileSystem.Free = 1<<40/100*15 + 1<<19 // enough, but not for what is expected
	a := action(t, s.build(), `layer.weekly["apps/web"]`)
	if a.Blocked == nil || a.Blocked.Code != BlockSpace {
		t.Errorf("%+v", a.Blocked)
	}
}
