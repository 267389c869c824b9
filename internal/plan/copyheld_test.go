package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/retention"
)

// withTrees gives a scene two files layers and a mirror of one directory, each with
// something on the disk, and a second directory on the disk itself.
func (s *scene) withTrees() *scene {
	s.withCopies()
	s.policy.Sources = append(s.policy.Sources, Source{Kind: SourceDirectory, Name: "www", Directory: &DirectorySource{Path: "/srv/www", Each: "*"}})
	from, to := Ref{"source", SourceDirectory, "www"}, s.policy.Layers[1].To
	for _, name := range []string{"daily", "monthly"} {
		s.policy.Layers = append(s.policy.Layers, Layer{
			Kind: LayerFiles, Name: name, From: from, To: to, Directory: name, Version: "%Y-%W",
			Schedule: calendar("*-*-* 05:00"), Retention: retention.Rules{Last: 4},
		})
	}
	s.policy.Layers = append(s.policy.Layers, Layer{Kind: LayerSync, Name: "mirror", From: from, To: to, Directory: "mirror", Schedule: calendar("*-*-* 05:00")})
	d := s.disk()
	d.Folders = append(d.Folders, Folder{Directory: "daily", Depth: 2, Entries: []Entry{
		{Path: "2026-45/site", Type: EntryFolder}, {Path: "2026-46/site", Type: EntryFolder}, {Path: "2026-46/blog", Type: EntryFolder}, {Path: "notes.txt", Type: EntryFile},
	}}, Folder{Directory: "monthly", Depth: 2}, Folder{Directory: "mirror"})
	d.Receipts = append(d.Receipts, Receipt{Layer: "mirror", Volume: "www", Path: "mirror", Started: s.now.Add(-time.Hour), Source: ReceiptSource{Paths: []string{"/srv/www"}}})
	s.observation.Trees = []Tree{{Path: "/srv/www", FileSystem: FileSystem{Device: d.FileSystem.Device, MountPoint: "/"}, Children: []Child{{Name: "site", Type: EntryFolder}}}}
	return s
}

func statusOf(t *testing.T, p Plan, layer string) LayerStatus {
	t.Helper()
	i := slices.IndexFunc(p.Layers, func(l LayerStatus) bool { return l.Name == layer })
	if i < 0 {
		t.Fatalf("no layer %s", layer)
	}
	return p.Layers[i]
}

// A layer whose source was missing once showed "0 volumes, 0 versions" though three
// were on the disk.
func TestWhatIsHeldIsCountedWithoutTheSource(t *testing.T) {
	s := newScene().withTrees()
	s.observation.Trees = nil
	want := map[string]int{"daily": 3, "monthly": 0, "mirror": 1}
	for _, readOnly := range []bool{false, true} {
		s.disk().FileSystem.ReadOnly = readOnly
		p := s.build()
		for layer, versions := range want {
			l := statusOf(t, p, layer)
			if l.Blocked == nil || !l.VolumesUnknown || l.VersionsUnknown || l.Versions != versions {
				t.Errorf("read-only %v: %+v", readOnly, l)
			}
		}
	}
	s.disk().FileSystem.MountPoint = "/"
	s.disk().FileSystem.ReadOnly = false
	p := s.build()
	for layer := range want {
		if l := statusOf(t, p, layer); !l.VolumesUnknown || !l.VersionsUnknown || l.Versions != 0 {
			t.Errorf("not mounted: %+v", l)
		}
	}
	s.observation.Disks = nil
	if l := statusOf(t, s.build(), "daily"); !l.VersionsUnknown {
		t.Errorf("not seen: %+v", l)
	}
	p = newScene().withTrees().build()
	for _, l := range p.Layers {
		if l.VolumesUnknown || l.VersionsUnknown {
			t.Errorf("all is known: %+v", l)
		}
	}
}

// The warning once came once a layer, for the same two places.
func TestSameMediumIsToldOnceForTheSamePlaces(t *testing.T) {
	s := newScene().withTrees()
	warnings := func() (all []Warning) {
		return keep(s.build().Warnings, func(w Warning) bool { return w.Code == WarnSameMedium })
	}
	want := Warning{
		WarnSameMedium, "layer.daily, layer.monthly and layer.mirror copy /srv/www onto the file system that it lies on, so it is no second medium",
		"give the layers a destination on another disk",
	}
	if got := warnings(); len(got) != 1 || got[0] != want {
		t.Errorf("%+v", got)
	}
	s.policy.Layers = s.policy.Layers[:3]
	want.Detail = "layer.daily copies /srv/www onto the file system that it lies on, so it is no second medium"
	want.Hint = "give the layer a destination on another disk"
	if got := warnings(); len(got) != 1 || got[0] != want {
		t.Errorf("%+v", got)
	}
}

// A sync of everything that was cut off takes back what the receipt said of its source:
// the mirror is no copy until one has ended (safety rule 3).
func TestAMirrorBetweenTwoStatesIsNoCopy(t *testing.T) {
	s := newScene().withTrees()
	if got := statusOf(t, s.build(), "mirror").Versions; got != 1 {
		t.Errorf("%d versions of a whole one", got)
	}
	s.disk().Receipts[0].Source.Paths = nil
	if got := statusOf(t, s.build(), "mirror").Versions; got != 0 {
		t.Errorf("%d versions", got)
	}
}
