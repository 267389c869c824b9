package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
)

// What a killed run left is shown, and goes first.
func TestLeftoversAreCleanedFirst(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	open := OpenName("weekly", "apps/web")
	s.lv(open, "vm-9999-pvc-1_snap_20261120_0300", TagClone+open)
	s.observation.Leftovers = []Leftover{{Name: open, Mounted: "/var/lib/bkplan/mnt/" + open, VolumeGroup: testGroup, Clone: open, CloneUUID: "uuid-of-" + open}}
	s.disk().Unfinished = []string{"weekly-0123456789abcdef"}
	p := s.build()
	for i, a := range p.Actions[:2] {
		if a.Kind != Clean || a.Layer != "weekly" {
			t.Errorf("%d: %+v", i, a)
		}
	}
	for _, d := range p.Drift {
		if strings.Contains(d.Name, open) {
			t.Errorf("the clone is reported as %s", d.Kind)
		}
	}
}

// rsync --delete of one tree reaped another's directory: a layer that is gone
// leaves what is there, and is reported.
func TestVersionsOfARemovedLayerAreReported(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.copied("2026-46", "apps/web", days(7)).Layer = "older"
	p := s.build()
	if !slices.ContainsFunc(p.Drift, func(d Drift) bool { return d.Kind == Orphaned && d.Layer == "older" }) {
		t.Errorf("%+v", p.Drift)
	}
}

func TestSyncIsDueBySlotAndHeldBackByItsSource(t *testing.T) {
	s := newScene().withCopies()
	s.policy.Sources = append(s.policy.Sources, Source{Kind: SourcePaths, Name: "host", Paths: []string{"/etc", "/usr/local/bin"}})
	s.policy.Layers = []Layer{{
		Kind: LayerSync, Name: "config", From: Ref{"source", SourcePaths, "host"}, To: Ref{"destination", DestinationDisk, "sda"},
		Directory: "pve-config", Schedule: calendar("*-*-* 05:00"),
	}}
	full := []Child{{Name: "hosts", Type: EntryFile}}
	s.observation.Trees = []Tree{{Path: "/etc", Children: full}, {Path: "/usr/local/bin", Children: full}}
	if a := action(t, s.build(), `layer.config["host"]`); a.Kind != Sync || a.Blocked != nil || len(a.Copy.From.Paths) != 2 {
		t.Errorf("%+v", a)
	}
	last := Receipt{Layer: "config", Volume: "host", Path: "pve-config", Started: s.now.Add(-time.Hour), Source: ReceiptSource{Taken: s.now.Add(-time.Hour)}}
	s.disk().Receipts = []Receipt{last}
	if p := s.build(); len(p.Actions) != 0 {
		t.Errorf("synced after the slot, and due: %v", ids(p.Actions))
	}
	s.observation.Trees[1].Children = nil
	if p := s.build(); p.Layers[0].Blocked == nil || p.Layers[0].Blocked.Code != BlockSource {
		t.Errorf("%+v", p.Layers[0])
	}
}

// mirrored makes the scene's only layer a sync of the children of a directory.
func (s *scene) mirrored(names ...string) *scene {
	s.withCopies()
	s.policy.Sources = append(s.policy.Sources, Source{Kind: SourceDirectory, Name: "nfs", Directory: &DirectorySource{Path: testTree, Each: "*"}})
	s.policy.Layers = []Layer{{
		Kind: LayerSync, Name: "mirror", From: Ref{"source", SourceDirectory, "nfs"}, To: Ref{"destination", DestinationDisk, "sda"},
		Directory: "nfs", Schedule: calendar("*-*-* 05:00"), Exclude: []string{"*.tmp"}, Guard: Guard{MaxDelete: quantity.Threshold{Share: share("10%")}},
	}}
	tree := Tree{Path: testTree, FileSystem: FileSystem{MountPoint: testTree}}
	for _, name := range names {
		tree.Children = append(tree.Children, Child{Name: name, Type: EntryFolder})
	}
	s.observation.Trees = []Tree{tree}
	return s
}

// Safety rule 8: what is excluded is not mirrored with the rest.
func TestSyncLeavesOutExcludedVolumes(t *testing.T) {
	s := newScene().mirrored("photos", `a*b\c`, "plain\\name", "kept")
	s.policy.Excludes = []Exclude{{Name: "some", Volumes: []string{"photos", "a*", "plain*"}, Layers: []string{"mirror"}, Reason: "elsewhere"}}
	p := s.build()
	a := action(t, p, `layer.mirror["nfs"]`)
	if want := []string{"*.tmp", "/photos", `/a\*b\\c`, `/plain\name`}; !slices.Equal(a.Copy.Exclude, want) {
		t.Errorf("excluded %q, want %q", a.Copy.Exclude, want)
	}
	if len(p.Excluded) != 3 || !slices.Equal(s.layer().Exclude, []string{"*.tmp"}) {
		t.Errorf("%+v, and of the policy %q", p.Excluded, s.layer().Exclude)
	}
	s.policy.Excludes[0].Volumes = []string{"*"}
	if p := s.build(); len(p.Actions) != 0 || len(p.Excluded) != 4 {
		t.Errorf("all is excluded, and %v is planned", ids(p.Actions))
	}
}

func TestSyncIsHeldBackWhereItsSourceHasMoved(t *testing.T) {
	s := newScene().mirrored("photos")
	last := s.now.Add(-days(1))
	s.disk().Receipts = []Receipt{{Layer: "mirror", Volume: "nfs", Path: "nfs", Started: last, Source: ReceiptSource{Taken: last, MountPoint: testTree}}}
	if a := action(t, s.build(), `layer.mirror["nfs"]`); a.Blocked != nil || a.Copy.AcceptLoss || a.Copy.MaxDelete.IsZero() {
		t.Errorf("%+v %+v", a.Blocked, a.Copy)
	}
	s.observation.Trees[0].FileSystem.MountPoint = "/"
	if a := action(t, s.build(), `layer.mirror["nfs"]`); a.Blocked == nil || a.Blocked.Code != BlockSource {
		t.Errorf("%+v", a.Blocked)
	}
	if a := Build(s.policy, s.observation, s.now, Options{Acknowledge: []string{"mirror"}}).Actions[0]; a.Blocked != nil || !a.Copy.AcceptLoss {
		t.Errorf("%+v", a.Blocked)
	}
}

func TestSyncIsHeldBackOnADiskThatIsLow(t *testing.T) {
	s := newScene().mirrored("photos")
	s.disk().FileSystem.Free = 1 << 20
	if a := action(t, s.build(), `layer.mirror["nfs"]`); a.Blocked == nil || a.Blocked.Code != BlockSpace {
		t.Errorf("%+v", a.Blocked)
	}
}

// Safety rule 6: what is seen below a mount point that is none, or on a disk that
// is read-only, is not cleaned either.
func TestNothingIsCleanedOnADiskThatIsNotThere(t *testing.T) {
	for name, change := range map[string]func(*FileSystem){
		"not mounted": func(fs *FileSystem) { fs.MountPoint = "/" },
		"read-only":   func(fs *FileSystem) { fs.ReadOnly = true },
	} {
		s := newScene().withCopies()
		s.disk().Unfinished = []string{"weekly-0123456789abcdef"}
		if a := s.build().Actions[0]; a.Kind != Clean || !a.Copy.RequireMount {
			t.Errorf("%s: %+v", name, a)
		}
		change(&s.disk().FileSystem)
		if cleans := copyActions(s.build(), Clean); len(cleans) > 0 {
			t.Errorf("%s: %v", name, ids(cleans))
		}
	}
}

// What is open is cleaned by a layer that opens snapshots; where none is left,
// drift tells of it.
func TestLeftoversOfNobodyAreReported(t *testing.T) {
	s := newScene().mirrored("photos")
	open := OpenName("weekly", "apps/web")
	s.observation.Leftovers = []Leftover{{Name: open, Mounted: "/var/lib/bkplan/mnt/" + open}}
	p := s.build()
	if cleans := copyActions(p, Clean); len(cleans) > 0 {
		t.Errorf("a sync is asked to clean %v", ids(cleans))
	}
	if !slices.ContainsFunc(p.Drift, func(d Drift) bool { return d.Kind == Orphaned && d.Name == open }) {
		t.Errorf("%+v", p.Drift)
	}
	s.policy.Layers = append(s.policy.Layers, newScene().withCopies().policy.Layers...)
	if a := copyActions(s.build(), Clean); len(a) != 1 || a[0].Layer != "weekly" {
		t.Errorf("%+v", a)
	}
}
