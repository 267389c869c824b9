package plan

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Two machines mirror into one root. What the other one is sending at this moment is
// not what a killed run left.
func TestOffsiteLeavesAnotherMachinesWorkAlone(t *testing.T) {
	p, o := month(monday)
	p.Layers = append(p.Layers, Layer{Kind: LayerSync, Name: "media", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "media", Schedule: calendar("*-*-* 06:00")})
	own, others := WorkName(Sync, "media", "gone", ""), []string{WorkName(Sync, "nfs", "nfs", ""), WorkName(Sync, "media-old", "nfs", ""), "media-0123"}
	o.Disks[1].Unfinished = append([]string{own, "@eaDir"}, others...)
	plan := Build(p, o, monday, Options{})
	var cleaned, told, want []string
	for _, a := range copyActions(plan, Clean) {
		cleaned = append(cleaned, a.Copy.Unfinished)
	}
	if diff := cmp.Diff([]string{own}, cleaned); diff != "" {
		t.Error(diff)
	}
	for _, d := range plan.Drift {
		if d.Kind == Foreign && strings.Contains(d.Name, WorkFolder) && strings.Contains(d.Detail, "another machine") {
			told = append(told, d.Name)
		}
	}
	for _, name := range others {
		want = append(want, testNAS+":"+path.Join(testFar, WorkFolder, name))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

// What lies at a destination of this machine is of runs of this machine, which do not
// run side by side: a layer that is gone leaves nothing behind for ever.
func TestWorkOfALayerThatIsGoneIsCleanedOnADisk(t *testing.T) {
	p, o := month(monday)
	o.Disks[0].Unfinished = []string{WorkName(Create, "gone", "web", "2026-46")}
	if a := copyActions(Build(p, o, monday, Options{}), Clean); len(a) != 1 || a[0].Layer != "weekly" {
		t.Errorf("%+v", a)
	}
}

// A large version was cut off when most of it was sent. What was sent has used up what is
// free, and is part of what is wanted: the transfer goes on all the same, and how much is
// left of it nobody knows.
func TestOffsiteGoesOnWithLittleRoom(t *testing.T) {
	p, o := month(monday)
	o.Disks[0].Receipts[3].NewBytes = 100 << 20
	leave(&o, 20<<20)
	id := `layer.offsite["web"]@weekly/2026-11-23`
	if a := action(t, Build(p, o, monday, Options{}), id); a.Blocked == nil || a.Blocked.Code != BlockSpace {
		t.Fatalf("nothing was begun, and it is not refused: %+v", a.Blocked)
	}
	o.Disks[2].Unfinished = []string{WorkName(Create, "offsite", "web", "weekly/2026-11-23")}
	plan := Build(p, o, monday, Options{})
	if blocked := blockedOf(plan); len(blocked) > 0 || len(copyActions(plan, Clean)) > 0 {
		t.Errorf("%v", describe(plan.Actions))
	}
	if a := action(t, plan, id); a.Copy.Estimate != nil {
		t.Errorf("%+v", a.Copy.Estimate)
	}
	if c := capacityOf(t, plan, "nas"); c.Adds != 1<<20+100 || c.FreeAfter != c.Free-c.Adds || c.Unknown != 2 {
		t.Errorf("%+v", c)
	}
}

// Where less is free than must stay nothing goes on. What was sent is kept, for it is
// needed to go on, and the plan says that it is there.
func TestOffsiteKeepsWhatWasSentWhileSpaceIsLow(t *testing.T) {
	p, o := month(monday)
	p.Layers = append(p.Layers, Layer{Kind: LayerSync, Name: "media", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "media", Schedule: calendar("*-*-* 06:00")})
	leave(&o, -1)
	begun := map[string]string{
		`layer.offsite["web"]@weekly/2026-11-23`: WorkName(Create, "offsite", "web", "weekly/2026-11-23"),
		`layer.offsite["sda"]`:                   WorkName(Sync, "offsite", "sda", ""),
		`layer.media["nfs"]`:                     WorkName(Sync, "media", "nfs", ""),
	}
	o.Disks[1].Unfinished = []string{begun[`layer.media["nfs"]`]}
	o.Disks[2].Unfinished = []string{begun[`layer.offsite["web"]@weekly/2026-11-23`], begun[`layer.offsite["sda"]`]}
	plan := Build(p, o, monday, Options{})
	if cleaned := copyActions(plan, Clean); len(cleaned) > 0 {
		t.Errorf("%v", ids(cleaned))
	}
	for _, a := range copyActions(plan, Create, Sync) {
		if a.Copy.Remote == nil {
			continue
		}
		if a.Blocked == nil || a.Blocked.Code != BlockSpace {
			t.Errorf("%s: %+v", a.ID, a.Blocked)
			continue
		}
		work := begun[a.ID]
		if told := strings.Contains(a.Blocked.Detail, WorkFolder+"/"+work); told != (work != "") {
			t.Errorf("%s: %s", a.ID, a.Blocked.Detail)
		}
	}
}
