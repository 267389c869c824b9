package view

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
)

func TestFold(t *testing.T) {
	act := func(layer string, kind plan.ActionKind, code, block string) plan.Action {
		a := plan.Action{Layer: layer, Kind: kind, Reason: plan.Reason{Code: code}}
		if block != "" {
			a.Blocked = &plan.Block{Code: block}
		}
		return a
	}
	type shape struct {
		Layer   string
		Kind    plan.ActionKind
		Code    string
		Blocked bool
		N       int
	}
	var got []shape
	for _, g := range fold([]plan.Action{
		act("a", plan.Prune, plan.ReasonRetention, ""),
		act("a", plan.Create, plan.ReasonDue, ""),
		act("b", plan.Create, plan.ReasonDue, ""),
		act("a", plan.Create, plan.ReasonDue, plan.BlockSpace),
		act("a", plan.Create, plan.ReasonNoVersion, plan.BlockSpace),
		act("a", plan.Create, plan.ReasonDue, plan.BlockNames),
		act("a", plan.Create, plan.ReasonDue, ""),
		act("a", plan.Prune, plan.ReasonOrphan, ""),
	}) {
		got = append(got, shape{g.layer, g.kind, g.code, g.blocked(), len(g.actions)})
	}
	want := []shape{
		{"a", plan.Create, plan.ReasonDue, false, 2},
		{"b", plan.Create, plan.ReasonDue, false, 1},
		{"a", plan.Create, plan.BlockSpace, true, 2},
		{"a", plan.Create, plan.BlockNames, true, 1},
		{"a", plan.Prune, plan.ReasonRetention, false, 1},
		{"a", plan.Prune, plan.ReasonOrphan, false, 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReasonOfAGroup(t *testing.T) {
	slot := at(11, 24, 3, 0)
	of := func(kind plan.ActionKind, code string, details ...string) group {
		g := group{kind: kind, code: code}
		for _, d := range details {
			g.actions = append(g.actions, plan.Action{Reason: plan.Reason{Code: code, Detail: d}})
		}
		return g
	}
	for _, c := range []struct {
		group group
		want  string
	}{
		{of(plan.Create, plan.ReasonDue, "the newest is old", "the newest is old"), "the newest is old"},
		{of(plan.Create, plan.ReasonDue, "the newest, of Monday", "the newest, of Sunday"), "the newest is older than the slot 2026-11-24 03:00"},
		{of(plan.Prune, plan.ReasonRetention, "older than the 7 days", "not the newest"), "no rule of the retention keeps them"},
		{of(plan.Create, "other", "this", "that"), "this, and likewise"},
	} {
		if got := c.group.reason(slot, sofia.Location()); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestSpanOfAGroup(t *testing.T) {
	g := group{actions: []plan.Action{{VersionTime: at(11, 16, 3, 0)}, {VersionTime: at(11, 14, 3, 0)}, {VersionTime: at(11, 15, 3, 0)}}}
	if got, want := g.span(time.UTC), "made 2026-11-14 01:00 to 2026-11-16 01:00"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A kind of drift that the views do not know is shown all the same.
func TestNoDriftIsOutOfSight(t *testing.T) {
	p := plan.Plan{Drift: []plan.Drift{{Kind: "singed", Name: "vault/data"}}}
	for name, draw := range draws {
		got := text(t, draw, p, plain80)
		if !strings.Contains(got, "singed") {
			t.Errorf("%s does not show it:\n%s", name, got)
		}
	}
}

// Of a tree it is known what can be sent where the change journal tells.
func TestAmountOfATree(t *testing.T) {
	sync := func(since *plan.JournalPoint, e *plan.Estimate) plan.Action {
		return plan.Action{Kind: plan.Sync, Copy: &plan.CopyAction{Remote: &plan.Remote{}, Since: since, Estimate: e}}
	}
	point := &plan.JournalPoint{Span: "a"}
	for _, test := range []struct {
		actions []plan.Action
		want    string
	}{
		{[]plan.Action{sync(point, &plan.Estimate{Files: 12, Size: 3 << 20, Bytes: 2 << 20})}, "; as they are now at most 12 files with 3 MiB to send"},
		{[]plan.Action{sync(point, &plan.Estimate{Inodes: 4})}, "; no file is among them now"},
		{[]plan.Action{sync(point, nil)}, "; how much is sent is known at apply"},
		{[]plan.Action{sync(nil, nil)}, ""},
		{[]plan.Action{sync(nil, &plan.Estimate{})}, ""},
		{[]plan.Action{{Kind: plan.Sync}}, ""},
	} {
		if got := amount(plan.Sync, test.actions); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// What this plan makes is not weighed yet.
func TestAmountOfWhatThePlanMakes(t *testing.T) {
	a := plan.Action{Kind: plan.Create, Version: "weekly/2026-46", Copy: &plan.CopyAction{
		Remote: &plan.Remote{}, Estimate: &plan.Estimate{Files: 3, Size: 2 << 20, Bytes: 1 << 20}, From: &plan.Access{Version: &plan.VersionAccess{}},
	}}
	if got, want := amount(a.Kind, []plan.Action{a}), "; about 3 files with 2 MiB, of which 1 MiB are new there"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Some of what was new in a version since it was sent may be gone again.
func TestAmountOfWhatWasBroughtUpToDate(t *testing.T) {
	a := plan.Action{Kind: plan.Refresh, Version: "weekly/2026-46", Copy: &plan.CopyAction{
		Remote: &plan.Remote{}, Estimate: &plan.Estimate{Files: 3, Size: 2 << 20, Bytes: 1 << 20}, From: &plan.Access{Version: &plan.VersionAccess{Digest: "sha256:x"}},
	}}
	if got, want := amount(a.Kind, []plan.Action{a}), "; 3 files with 2 MiB, of which at most 1 MiB are new there"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A version that is compared may be sent: its receipt is not all that goes.
func TestAmountOfAFullComparison(t *testing.T) {
	a := plan.Action{Kind: plan.Refresh, Version: "weekly/2026-46", Copy: &plan.CopyAction{Remote: &plan.Remote{}, Estimate: &plan.Estimate{}}}
	if got, want := amount(a.Kind, []plan.Action{a}), "; only the receipt is sent"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	a.Copy.Full = true
	if got, want := amount(a.Kind, []plan.Action{a}), "; what is there as it should be is not sent again"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
