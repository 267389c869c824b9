package plan

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/retention"
)

// shared gives the scene one files layer, of the children of a directory.
func (s *scene) shared(names ...string) *scene {
	s.mirrored(names...)
	*s.layer() = Layer{
		Kind: LayerFiles, Name: "weekly", From: Ref{"source", SourceDirectory, "nfs"}, To: Ref{"destination", DestinationDisk, "sda"},
		Directory: "pvc-data", Version: "%Y-%W", Schedule: calendar("*-*-* 05:00"), Retention: retention.Rules{Last: 4},
	}
	s.disk().Folders[0].Depth = 2
	return s
}

// Safety rule 12: a directory that was not listed, or for another layout, holds
// unknown versions and not none. Two names deep a namespace looks like a volume.
func TestDirectoryThatWasNotListedIsUnknown(t *testing.T) {
	for name, change := range map[string]func(*Disk){
		"not listed":    func(d *Disk) { d.Folders = nil },
		"another depth": func(d *Disk) { d.Folders[0].Depth = 2 },
	} {
		s := newScene().withCopies()
		s.claim("apps/web", "vm-9999-pvc-1")
		for _, week := range []string{"2026-40", "2026-41", "2026-42", "2026-43", "2026-44", "2026-45"} {
			s.week(week, "apps")
		}
		change(s.disk())
		p := s.build()
		if a := copyActions(p, Create, Refresh, Prune); len(a) > 0 || p.Layers[1].Blocked == nil || p.Layers[1].Blocked.Code != BlockUnknown {
			t.Errorf("%s: %v, %+v", name, ids(a), p.Layers[1].Blocked)
		}
		if held, blocked := Inventory(s.policy, s.observation, s.now, Filter{}); len(held) > 0 || len(blocked) != 1 {
			t.Errorf("%s: %v, %v", name, held, blocked)
		}
	}
}

// A path out of a file that somebody made leads nowhere.
func TestEntriesThatLeadElsewhereAreForeign(t *testing.T) {
	s := newScene().withCopies()
	s.layerNamed("weekly").Retention = retention.Rules{Last: 1}
	for _, volume := range []string{"../etc", "./x", "apps/..", "apps/.", "apps/", "/x", "apps/a\x00b"} {
		s.week("2026-40", volume)
		s.week("2026-41", volume)
	}
	p := s.build()
	if a := copyActions(p, Create, Refresh, Prune); len(a) > 0 {
		t.Errorf("planned %v", ids(a))
	}
	if foreign := keep(p.Drift, func(d Drift) bool { return d.Kind == Foreign }); len(foreign) != 14 {
		t.Errorf("%d are foreign: %+v", len(foreign), foreign)
	}
}

func (s *scene) layerNamed(name string) *Layer {
	i := slices.IndexFunc(s.policy.Layers, func(l Layer) bool { return l.Name == name })
	return &s.policy.Layers[i]
}

func TestNamesThatAreNoPathAreNotCopied(t *testing.T) {
	s := newScene().withCopies()
	for i, claim := range []string{"../x", "apps/..", "apps/a/b", "./x"} {
		s.claim(claim, "vm-9999-pvc-"+string(rune('1'+i)))
	}
	for _, a := range copyActions(s.build(), Create, Refresh) {
		if a.Blocked == nil || a.Blocked.Code != BlockSource {
			t.Errorf("%s is copied to %s", a.ID, a.Copy.Path)
		}
	}
	s = newScene().shared("..", "a/../../b", "photos", ".")
	if a := copyActions(s.build(), Create); len(a) != 1 || a[0].Volume != "photos" {
		t.Errorf("%v", ids(a))
	}
}

// Numbers that cannot be do not make room, and do not break the plan.
func TestAbsurdReceiptsMakeNoRoom(t *testing.T) {
	for _, n := range []int64{math.MinInt64, -1, 0, math.MaxInt64} {
		s := newScene().withCopies()
		for i, claim := range []string{"apps/web", "apps/db"} {
			s.claim(claim, "vm-9999-pvc-"+string(rune('1'+i)))
			for j, week := range []string{"2026-46", "2026-45", "2026-44", "2026-43", "2026-42"} {
				r := s.copied(week, claim, days(7*j+2))
				r.Files, r.Bytes, r.NewBytes, r.Directories = n, n, n, n
			}
		}
		s.disk().Receipts[0].Source, s.disk().Receipts[1].Started = ReceiptSource{}, time.Time{}
		p := s.build()
		if c := p.Capacity[0]; c.Adds < 0 || c.Frees < 0 || c.FreeAfter < 0 || c.FreeAfter > c.Size {
			t.Errorf("%d: %+v", n, c)
		}
		for _, a := range copyActions(p, Create) {
			if fits := n <= 0; fits != (a.Blocked == nil) {
				t.Errorf("%d: %s %+v", n, a.ID, a.Blocked)
			}
		}
	}
	if got := Bytes(math.MinInt64); got != "-8.0 EiB" {
		t.Error(got)
	}
	if FarSmaller(math.MaxInt64/5, math.MaxInt64/5, Receipt{Files: 1000, Bytes: 1 << 40}) {
		t.Error("a version with more than ever is far smaller")
	}
}

// The age of data is never younger than what holds it.
func TestAgeOfDataIsThatOfItsVersionWhereTheReceiptHasNone(t *testing.T) {
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for _, taken := range []time.Time{{}, at.Add(days(900))} {
		v := copyVersion{time: at, receipt: &Receipt{Source: ReceiptSource{Taken: taken}}}
		if !v.taken().Equal(at) {
			t.Errorf("taken %s counts as %s", taken, v.taken())
		}
	}
}

// A receipt whose version was removed or moved by hand proves nothing, and says
// that something is lost.
func TestReceiptWithoutAVersionIsReported(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.copied("2026-46", "apps/web", days(7))
	s.copied("2026-45", "apps/web", days(14)).Path = "elsewhere/2026-45/apps/web"
	s.disk().Folders[0].Entries = s.disk().Folders[0].Entries[1:]
	p := s.build()
	if lost := keep(p.Drift, func(d Drift) bool { return d.Kind == Suspect && d.Name == "apps/web" }); len(lost) != 2 {
		t.Errorf("%+v", p.Drift)
	}
	if a := action(t, p, `layer.weekly["apps/web"]`); a.Copy.Previous != "2026-45/apps/web" {
		t.Errorf("%+v", a.Copy)
	}
	held, _ := Inventory(s.policy, s.observation, s.now, Filter{})
	if len(held) != 3 {
		t.Errorf("%+v", held)
	}
}

// Sources of different kinds may share a name.
func TestSourcesOfDifferentKindsShareAName(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.lv("vm-9999-pvc-2", "") // the cluster does not know it
	want := len(s.build().Drift)
	s.policy.Sources = append(s.policy.Sources, Source{Kind: SourcePFSense, Name: "pvcs"})
	if p := s.build(); len(p.Drift) != want {
		t.Errorf("%d times drift, was %d: %+v", len(p.Drift), want, p.Drift)
	}
}

// A policy is checked before it gets here; if it was not, nothing is gone.
func TestLayerWithoutItsSourceIsNotPlanned(t *testing.T) {
	for _, from := range []Ref{{"layer", LayerSnapshot, "nowhere"}, {"source", SourceDirectory, "nowhere"}} {
		s := newScene().shared("photos")
		s.layer().From, s.layer().Retention = from, retention.Rules{Last: 1}
		for _, week := range []string{"2026-40", "2026-41", "2026-42"} {
			s.week(week, "photos")
			s.week(week, "apps/web")
		}
		s.disk().Folders[0].Depth = s.policy.Depth(*s.layer())
		if p := s.build(); len(p.Actions) > 0 || p.Layers[0].Blocked == nil {
			t.Errorf("%s: %v", from, ids(p.Actions))
		}
	}
}

func TestWhatLiesBesideTheVolumesIsReported(t *testing.T) {
	s := newScene().shared("photos", "lost+found")
	tree := &s.observation.Trees[0]
	tree.Children = append(tree.Children, Child{Name: "p-link", Type: EntryLink}, Child{Name: "p-pipe", Type: EntryOther}, Child{Name: "other", Type: EntryFolder}, Child{Name: OwnFolder, Type: EntryFolder})
	s.policy.Sources[1].Directory.Each = "p*"
	p := s.build()
	for name, kind := range map[string]DriftKind{"p-link": Unprotected, "p-pipe": Unprotected, "other": Unmatched, "lost+found": Unmatched} {
		if !hasDrift(p, kind, testTree+"/"+name) {
			t.Errorf("%s is not %s: %+v", name, kind, p.Drift)
		}
	}
	tree.Children = []Child{{Name: "lost+found", Type: EntryFolder}}
	if block := s.build().Layers[0].Blocked; block == nil || !strings.Contains(block.Detail, "empty") {
		t.Errorf("a file system that was just made is copied: %+v", block)
	}
}
