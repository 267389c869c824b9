package providertest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
)

// ending is how an action came out.
type ending string

const (
	done    ending = "done"
	already ending = "already done"
	isStale ending = "stale"
	failed  ending = "failed"
)

func endingOf(o providers.Outcome) ending {
	stale := (*providers.StaleError)(nil)
	switch {
	case errors.As(o.Err, &stale):
		return isStale
	case o.Err != nil:
		return failed
	case o.Result.Already:
		return already
	}
	return done
}

// do carries out an action that must succeed.
func (b *bench) do(t *testing.T, a plan.Action, want providers.Result) {
	t.Helper()
	got, err := b.world.Provider().Do(t.Context(), a)
	if err != nil {
		t.Fatalf("%s: %v", a.ID, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s: %s", a.ID, diff)
	}
}

// doStale carries out an action that must be refused as stale, with a reason.
func (b *bench) doStale(t *testing.T, a plan.Action) {
	t.Helper()
	_, err := b.world.Provider().Do(t.Context(), a)
	stale := (*providers.StaleError)(nil)
	if !errors.As(err, &stale) {
		t.Fatalf("%s: not stale: %v", a.ID, err)
	}
	if stale.Violation.Detail == "" || stale.Violation.Precondition.Kind == "" {
		t.Errorf("%s: no reason: %+v", a.ID, stale.Violation)
	}
}

func (b *bench) doAll(t *testing.T, actions []plan.Action, want ...ending) {
	t.Helper()
	outcomes := b.world.Provider().DoAll(t.Context(), actions)
	got := make([]ending, len(outcomes))
	for i, o := range outcomes {
		got[i] = endingOf(o)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%+v", diff, outcomes)
	}
}

// left says which of the subtest's volumes must be there.
func (b *bench) left(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, name := range names(b.observe(t)) {
		if short, mine := strings.CutPrefix(name, b.prefix); mine {
			got = append(got, short)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
