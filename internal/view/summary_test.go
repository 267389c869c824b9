package view

import (
	"testing"

	"github.com/bkplan/bkplan/internal/plan"
)

func TestSummary(t *testing.T) {
	with := func(p plan.Plan, change func(*plan.Plan)) plan.Plan {
		change(&p)
		return p
	}
	for _, c := range []struct {
		name string
		plan plan.Plan
		want string
	}{
		{"changes", nightly(), "Plan: 62 to create, 58 to prune, 0 to sync. 3 excluded, 1 unprotected."},
		{"changes, some blocked", lowSpace(), "Plan: 0 to create, 58 to prune, 0 to sync. 3 excluded, 1 unprotected, 62 blocked."},
		{"rare kinds", with(plan.Plan{}, func(p *plan.Plan) {
			p.Actions = []plan.Action{{Kind: plan.Trigger}, {Kind: plan.Clean}, {Kind: plan.Clean}, {Kind: plan.Refresh}}
		}), "Plan: 0 to create, 0 to prune, 0 to sync, 1 to refresh, 1 to trigger, 2 to clean. 0 excluded, 0 unprotected."},
		{"nothing but blocked", allBlocked(), "No changes can be made: 1 blocked."},
		{"settled", settled(), "No changes. Everything is as the policy says. 3 excluded, 0 unprotected."},
		{"empty", plan.Plan{}, "No changes. Everything is as the policy says."},
		{"layers not carried out", homelab(), "No changes. What this version carries out is as the policy says. 3 excluded, 0 unprotected."},
		{"narrowed", with(plan.Plan{}, func(p *plan.Plan) { p.Filter.Layers = []string{"x"} }), "No changes. What was selected is as the policy says."},
		{"unknown", with(plan.Plan{}, func(p *plan.Plan) { p.Drift = []plan.Drift{{Kind: plan.UnknownKind}} }), "No changes are known: 1 could not be observed."},
		{"unprotected", with(plan.Plan{}, func(p *plan.Plan) { p.Drift = []plan.Drift{{Kind: plan.Unprotected}} }), "No changes. 0 excluded, 1 unprotected."},
		{"stale", with(plan.Plan{}, func(p *plan.Plan) { p.Drift = []plan.Drift{{Kind: plan.Stale}} }), "No changes."},
	} {
		if got := Summary(c.plan); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestEscape(t *testing.T) {
	for name, want := range map[string]string{
		"vm-9999-pvc-1":       "vm-9999-pvc-1",
		"снимка/данни":        "снимка/данни",
		"a\x1b[2Jb":           `a\x1b[2Jb`,
		"a\nb\tc":             `a\nb\tc`,
		"\u202egnp.exe\u2066": `\u202egnp.exe\u2066`,
		"a\u200bb\ufeff":      `a\u200bb\ufeff`,
		"bad\xff\xc3":         `bad\xff\xc3`,
		"c1\u009b":            `c1\u009b`,
		`back\slash "quote"`:  `back\\slash "quote"`,
	} {
		if got := escape(name); got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}
