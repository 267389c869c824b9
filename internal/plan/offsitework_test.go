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
