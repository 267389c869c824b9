package plan

import (
	"path"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/schedule"
)

// The newest of a volume stays as it is, each older one is linked to the one after
// it, and what the answer says makes no link is left out.
func TestRelinkGoesFromTheNewest(t *testing.T) {
	p, o := month(monday)
	far := &o.Disks[2]
	far.Folders[0].Entries = slices.Clone(o.Disks[0].Folders[0].Entries)
	far.Receipts = nil
	all := BuildRelink(p, o, monday, Filter{}, nil)
	var links []string
	for _, a := range all.Actions {
		links = append(links, a.Copy.Path+" to "+a.Copy.Previous)
		if a.Kind != Relink || a.Copy.Destination != testRoot || a.Copy.Remote == nil || a.Copy.Estimate != nil || a.Copy.From.Version.Layer != "weekly" {
			t.Errorf("%+v", a)
		}
	}
	want := []string{"2026-11-16/web to 2026-11-23/web", "2026-11-09/web to 2026-11-16/web", "2026-11-02/web to 2026-11-09/web"}
	if !slices.Equal(links, want) {
		t.Errorf("%q", links)
	}
	shares := map[string]Estimate{all.Actions[0].ID: {Files: 3, Bytes: 5 << 20}, all.Actions[1].ID: {}}
	some := BuildRelink(p, o, monday, Filter{}, shares)
	if len(some.Actions) != 1 || some.Actions[0].ID != all.Actions[0].ID || *some.Actions[0].Copy.Estimate != shares[all.Actions[0].ID] || some.Summary().Relink != 1 {
		t.Errorf("%+v", some.Actions)
	}
	if i := slices.IndexFunc(some.Capacity, func(c Capacity) bool { return c.Destination == "nas" }); i < 0 || some.Capacity[i].Frees != 5<<20 || some.Capacity[i].Adds != 0 {
		t.Errorf("%+v", some.Capacity)
	}
	if left := BuildRelink(p, o, monday, Filter{Volumes: []string{"db"}}, nil); len(left.Actions) > 0 {
		t.Errorf("%+v", left.Actions)
	}
	quietHours, _ := schedule.ParseWindow("06:00-08:00")
	p.Destinations[1].Quiet = append(p.Destinations[1].Quiet, quietHours)
	if quiet := BuildRelink(p, o, monday, Filter{}, shares); quiet.Actions[0].Blocked == nil || quiet.Summary().Changes() != 0 {
		t.Errorf("%+v", quiet.Actions)
	}
	o.Disks = o.Disks[:1]
	if blocked := BuildRelink(p, o, monday, Filter{}, nil); len(blocked.Actions) > 0 || blocked.Layers[0].Blocked == nil {
		t.Errorf("%+v", blocked)
	}
}

// What the disk has too gets its receipt when it is sent.
func TestUnprovenAreThoseThatAreOnlyThere(t *testing.T) {
	p, o := month(monday)
	far := &o.Disks[2]
	far.Folders[0].Entries = append(far.Folders[0].Entries, Entry{Path: "2026-10-05/web", Type: EntryFolder}, Entry{Path: "by-hand/web", Type: EntryFolder})
	far.Receipts = nil
	held, blocked := Unproven(p, o, monday, Filter{})
	if len(blocked) > 0 || len(held) != 1 {
		t.Fatalf("%+v, %+v", held, blocked)
	}
	h := held[0]
	if h.Address() != `layer.offsite["web"]@weekly/2026-10-05` || h.Path != "data/2026-10-05/web" || h.Of.Layer != "weekly" || h.Of.Version != "2026-10-05" || h.Remote.Address != testNAS || h.Destination != testRoot {
		t.Errorf("%+v", h)
	}
	if held, _ := Unproven(p, o, monday, Filter{Layers: []string{"weekly"}}); len(held) > 0 {
		t.Errorf("%+v", held)
	}
	o.Disks = o.Disks[:1]
	if _, blocked := Unproven(p, o, monday, Filter{}); len(blocked) != 1 {
		t.Errorf("%+v", blocked)
	}
}

// Nothing but a version of the disk's layers is built anew, from nothing but another
// one of the same volume that is there.
func TestOffsiteRule02OnlyVersionsOfTheDisksLayersAreRelinked(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, _ Plan) {
		for _, a := range BuildRelink(w.policy, w.observation, w.now, Filter{}, nil).Actions {
			_, own, _ := strings.Cut(a.Copy.Path, "/")
			_, other, _ := strings.Cut(a.Copy.Previous, "/")
			if !w.far[path.Join(a.Copy.Directory, a.Copy.Path)] || !w.far[path.Join(a.Copy.Directory, a.Copy.Previous)] || own != other || a.Copy.Path == a.Copy.Previous {
				t.Fatalf("%+v", a)
			}
		}
	})
}
