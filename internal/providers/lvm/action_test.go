package lvm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCreateCommand(t *testing.T) {
	e := newEmulator()
	live := *e.add(volumeRow{Name: "live", Pool: "data"})
	a := createOf(&live, "live_snap_20261116_0300")
	a.Snapshot.Tags = []string{"bkplan.layer=snapshots", "b"}
	if _, err := New(e).Do(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"lvcreate", "--snapshot", "--yes", "--setactivationskip", "y", "--name", "live_snap_20261116_0300",
		"--addtag", "bkplan.layer=snapshots", "--addtag", "b", "pve/live",
	}
	if diff := cmp.Diff(want, e.calls[1]); diff != "" {
		t.Error(diff)
	}
	if len(e.calls) != 2 || e.count("lvs") != 1 {
		t.Errorf("%q", e.calls)
	}
}

// Hostile or impossible names never reach an argv.
func TestBadNamesRunNothing(t *testing.T) {
	good := plan.SnapshotAction{
		VolumeGroup: "pve", Pool: "data", Origin: "live", Name: "snap", Tags: []string{"tag"},
		OriginUUID: "000003-0000-0000-0000-0000-0000-000000", UUID: "000004-0000-0000-0000-0000-0000-000000",
	}
	hostile := []string{"", "-x", "--force", ".", "..", "a b", "a/b", "a\nb", `a"b`, "$(id)", "@tag", "ä", "\xff", strings.Repeat("n", 200)}
	edits := map[string]func(*plan.SnapshotAction, string){
		"volume group": func(s *plan.SnapshotAction, bad string) { s.VolumeGroup = bad },
		"pool":         func(s *plan.SnapshotAction, bad string) { s.Pool = bad },
		"name":         func(s *plan.SnapshotAction, bad string) { s.Name = bad },
		"UUIDs":        func(s *plan.SnapshotAction, bad string) { s.UUID, s.OriginUUID = bad, bad },
	}
	for _, kind := range []plan.ActionKind{plan.Create, plan.Prune} {
		for what, edit := range edits {
			for _, bad := range hostile {
				s := good
				edit(&s, bad)
				refused(t, fmt.Sprintf("%s with %s %q", kind, what, bad), plan.Action{Kind: kind, Snapshot: &s})
			}
		}
	}
	for _, bad := range hostile {
		origin, tag := good, good
		origin.Origin, tag.Tags = bad, []string{"good", bad}
		refused(t, fmt.Sprintf("create with origin %q", bad), plan.Action{Kind: plan.Create, Snapshot: &origin})
		if bad != "@tag" && len(bad) < 200 && bad != "." && bad != ".." && bad != "a/b" { // fine as tags
			refused(t, fmt.Sprintf("create with tag %q", bad), plan.Action{Kind: plan.Create, Snapshot: &tag})
		}
		keeper := plan.Action{Kind: plan.Prune, Snapshot: &good, Preconditions: []plan.Precondition{{Kind: plan.VolumeIs, VolumeGroup: "pve", Name: bad}}}
		refused(t, fmt.Sprintf("prune with keeper %q", bad), keeper)
	}
	untagged, long := good, good
	untagged.Tags, long.Name = nil, strings.Repeat("n-", 45)
	refused(t, "create without tags", plan.Action{Kind: plan.Create, Snapshot: &untagged})
	refused(t, "create of a device with a long name", plan.Action{Kind: plan.Create, Snapshot: &long})
	refused(t, "keeper of another group", plan.Action{
		Kind: plan.Prune, Snapshot: &good,
		Preconditions: []plan.Precondition{{Kind: plan.VolumeIs, VolumeGroup: "other", Name: "keeper"}},
	})
}

func refused(t *testing.T, what string, a plan.Action) {
	t.Helper()
	e := newEmulator()
	if outcome := New(e).DoAll(t.Context(), []plan.Action{a})[0]; outcome.Err == nil || len(e.calls) > 0 {
		t.Errorf("%s: error %v, calls %q", what, outcome.Err, e.calls)
	}
}

func TestPruneIsThreeCommands(t *testing.T) {
	e := newEmulator()
	e.add(volumeRow{Name: "live", Pool: "data"})
	var actions []plan.Action
	for i := range 60 {
		actions = append(actions, pruneOf(e.snapshot("live", fmt.Sprintf("snap-%d", i), "tag")))
	}
	for i, outcome := range New(e).DoAll(t.Context(), actions) {
		if outcome.Err != nil || outcome.Result.Already {
			t.Errorf("%d: %+v", i, outcome)
		}
	}
	if len(e.calls) != 3 || len(e.rows) != 3 {
		t.Errorf("%d calls, %d volumes left", len(e.calls), len(e.rows))
	}
	if slices.Contains(e.calls[1], "--force") || slices.Contains(e.calls[1], "-f") {
		t.Errorf("%q", e.calls[1])
	}
}

func TestPruneWithNothingToDoRemovesNothing(t *testing.T) {
	e := newEmulator()
	e.add(volumeRow{Name: "live", Pool: "data"})
	gone, held := pruneOf(e.snapshot("live", "gone")), pruneOf(e.snapshot("live", "held"))
	e.remove("gone")
	e.row("held").Active, e.row("held").Open = "active", "open"
	outcomes := New(e).DoAll(t.Context(), []plan.Action{gone, held})
	if !outcomes[0].Result.Already || !errors.Is(outcomes[1].Err, errInUse) || e.count("lvremove") != 0 {
		t.Errorf("%+v %q", outcomes, e.calls)
	}
	if outcomes := New(e).DoAll(t.Context(), nil); len(outcomes) != 0 || e.count("lvremove") != 0 {
		t.Errorf("%+v", outcomes)
	}
}

// Between the look and the removal a name may get to belong to another volume,
// and a volume may be opened.
func TestPruneRaces(t *testing.T) {
	e := newEmulator()
	e.add(volumeRow{Name: "live", Pool: "data"})
	actions := []plan.Action{pruneOf(e.snapshot("live", "a")), pruneOf(e.snapshot("live", "b")), pruneOf(e.snapshot("live", "c")), pruneOf(e.snapshot("live", "d"))}
	e.before = func(argv []string) error {
		if argv[0] == "lvremove" {
			e.remove("a")
			e.add(volumeRow{Name: "a", Pool: "data"})
			e.row("b").Active, e.row("b").Open = "active", "open"
			e.remove("c")
		}
		return nil
	}
	outcomes := New(e).DoAll(t.Context(), actions)
	if outcomes[0].Err != nil || e.row("a") == nil {
		t.Errorf("the name a was reused: %v, %v", outcomes[0].Err, e.row("a"))
	}
	if err := outcomes[1].Err; err == nil || err.Error() != "remove pve/b: Logical volume pve/b contains a filesystem in use." {
		t.Error(err)
	}
	if outcomes[2].Err != nil || outcomes[3].Err != nil || e.row("d") != nil {
		t.Errorf("%+v", outcomes)
	}
}

func TestPruneOfRenamedSaysWhatItIsCalledNow(t *testing.T) {
	e := newEmulator()
	e.add(volumeRow{Name: "live", Pool: "data"})
	a := pruneOf(e.snapshot("live", "a"))
	e.row("a").Name = "kept"
	if _, err := New(e).Do(t.Context(), a); err == nil || err.Error() != "pve/a is called kept now" {
		t.Error(err)
	}
}

// Whatever the actions are: no volume goes that no action names by name and
// UUID, every one that is reported removed is gone, and no lvremove is given an
// empty list or an empty selection.
func TestPruneProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := newEmulator()
		e.add(volumeRow{Name: "live", Pool: "data"})
		total := rapid.IntRange(1, 250).Draw(t, "snapshots")
		var actions []plan.Action
		allowed := map[string]bool{}
		for i := range total {
			row := e.snapshot("live", fmt.Sprintf("s%d", i), "tag")
			a := pruneOf(row)
			switch rapid.SampledFrom([]string{"prune", "prune", "prune", "keep", "held", "other uuid", "gone"}).Draw(t, "fate") {
			case "keep":
				continue
			case "held":
				row.Active, row.Open = "active", "open"
			case "other uuid":
				a.Snapshot.UUID = fmt.Sprintf("%06d-9999-0000-0000-0000-0000-000000", i)
			case "gone":
				e.remove(row.Name)
			default:
				allowed[row.UUID] = true
			}
			actions = append(actions, a)
		}
		before := slices.Clone(e.rows)
		outcomes := New(e).DoAll(context.Background(), actions)
		for _, row := range before {
			if e.row(row.Name) == nil && !allowed[row.UUID] {
				t.Fatalf("%s is gone", row.Name)
			}
		}
		for i, a := range actions {
			if there := e.row(a.Snapshot.Name) != nil; there == (outcomes[i].Err == nil) {
				t.Fatalf("%s: there %v, outcome %+v", a.ID, there, outcomes[i])
			}
		}
		for _, argv := range e.calls {
			if argv[0] == "lvremove" && (len(argv) < 5 || len(argv) > 4+maxRemove || argv[3] == "" || slices.Contains(argv, "")) {
				t.Fatalf("%q", argv)
			}
		}
	})
}

func TestOneHungCommandStopsAll(t *testing.T) {
	e := newEmulator()
	live := *e.add(volumeRow{Name: "live", Pool: "data"})
	hang := &execx.Error{Argv: []string{"lvcreate"}, Exit: -1, Reason: execx.ReasonTimeout, Limit: 1}
	e.before = func(argv []string) error {
		if argv[0] == "lvcreate" {
			return hang
		}
		return nil
	}
	p := New(e)
	if _, err := p.Do(t.Context(), createOf(&live, "a")); !errors.Is(err, hang) {
		t.Fatal(err)
	}
	e.calls = nil
	errs := []error{}
	for _, outcome := range p.DoAll(t.Context(), []plan.Action{createOf(&live, "b"), pruneOf(&live)}) {
		errs = append(errs, outcome.Err)
	}
	_, err := observe(t, p, "pve", "data")
	for _, err := range append(errs, err) {
		if !errors.Is(err, errHung) || !strings.Contains(err.Error(), "lvcreate: no end within") {
			t.Error(err)
		}
	}
	if len(e.calls) != 0 {
		t.Errorf("%q", e.calls)
	}
}

// A run that is told to stop finishes what changes something, says how it came
// out, and begins nothing more.
func TestCancelBetweenChunks(t *testing.T) {
	e := newEmulator()
	e.add(volumeRow{Name: "live", Pool: "data"})
	var actions []plan.Action
	for i := range 150 {
		actions = append(actions, pruneOf(e.snapshot("live", fmt.Sprintf("snap-%d", i))))
	}
	ctx, cancel := context.WithCancel(t.Context())
	e.before = func(argv []string) error {
		if argv[0] == "lvremove" {
			cancel()
		}
		return nil
	}
	outcomes := New(e).DoAll(ctx, actions)
	for i, outcome := range outcomes {
		if removed := i < maxRemove; removed != (outcome.Err == nil) || !removed && !errors.Is(outcome.Err, context.Canceled) {
			t.Fatalf("%d: %+v", i, outcome)
		}
	}
	if e.count("lvremove") != 1 {
		t.Errorf("%d calls of lvremove", e.count("lvremove"))
	}
}

func TestCancelDuringCreateStillVerifies(t *testing.T) {
	e := newEmulator()
	live := *e.add(volumeRow{Name: "live", Pool: "data"})
	ctx, cancel := context.WithCancel(t.Context())
	e.before = func(argv []string) error {
		if argv[0] == "lvcreate" {
			cancel()
		}
		return nil
	}
	p := New(e)
	if result, err := p.Do(ctx, createOf(&live, "snap")); err != nil || result.Already {
		t.Errorf("%+v, %v", result, err)
	}
	if _, err := p.Do(ctx, createOf(&live, "next")); !errors.Is(err, context.Canceled) || e.row("next") != nil {
		t.Error(err)
	}
}

func TestStalePreconditionsStopACreate(t *testing.T) {
	e := newEmulator()
	live := *e.add(volumeRow{Name: "live", Pool: "data"})
	tests := []plan.Precondition{
		{Kind: plan.VolumeIs, VolumeGroup: "pve", Name: "another", UUID: "x"},
		{Kind: plan.PoolBelow, VolumeGroup: "pve", Name: "data", MaxData: 3, MaxMetadata: 100},
		{Kind: plan.PoolBelow, VolumeGroup: "pve", Name: "data", MaxData: 100, MaxMetadata: 10},
		{Kind: plan.NameFree, VolumeGroup: "pve", Name: "root"},
	}
	for _, precondition := range tests {
		a := createOf(&live, "snap")
		a.Preconditions = []plan.Precondition{precondition}
		_, err := New(e).Do(t.Context(), a)
		stale := (*providers.StaleError)(nil)
		if !errors.As(err, &stale) || stale.Violation.Precondition != precondition {
			t.Errorf("%+v: %v", precondition, err)
		}
	}
	if e.count("lvcreate") != 0 {
		t.Errorf("%q", e.calls)
	}
}
