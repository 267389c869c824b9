package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/planfile"
	"github.com/bkplan/bkplan/internal/run"
)

// savedPlan reads the saved plan and refuses it unless all that it was made
// from still holds.
func (s session) savedPlan(fresh plan.Observation, now time.Time) (plan.Plan, string, error) {
	file, err := planfile.Read(s.options.file)
	if err != nil {
		return plan.Plan{}, "", err
	}
	p := file.Plan
	const again = "make a new one with \"bkplan plan -o FILE\""
	switch {
	case p.Host != fresh.Host || p.HostID != fresh.HostID:
		return p, "", fail(again+" here", "the plan was made for host %s, and this is %s", p.Host, fresh.Host)
	case p.PolicyDigest != s.policy.Digest:
		return p, "", fail(again, "the policy has changed since the plan was made")
	case now.After(file.Expires):
		return p, "", fail(again, "the plan expired at %s", file.Expires.In(s.policy.Timezone.Location()).Format(time.RFC3339))
	case plan.InFuture(p.Time, now):
		return p, "", fail("set the clock", "the plan was made at %s, which is in the future", p.Time.Format(time.RFC3339))
	}
	if err := s.notAppliedYet(file.ID); err != nil {
		return p, "", err
	}
	if stale := plan.StaleActions(p, s.policy, fresh); len(stale) > 0 {
		return p, "", staleFailure(stale, again)
	}
	return p, file.ID, nil
}

func (s session) notAppliedYet(id string) error {
	by, err := run.Applied(s.policy.StateDir, id)
	if err == nil && by != "" {
		return fail("make a new one with \"bkplan plan -o FILE\"", "the plan was applied already, by run %s", by)
	}
	return err
}

func staleFailure(stale []plan.StaleAction, hint string) error {
	const shown = 5
	text := ""
	for i, action := range stale {
		if i == shown {
			text += fmt.Sprintf("\n  and %d more", len(stale)-shown)
			break
		}
		text += fmt.Sprintf("\n  %s: %s", action.ID, action.Detail)
	}
	return fail(hint, "the world has changed since the plan was made; nothing was done:%s", text)
}

func (a *App) pid() int { return os.Getpid() }

// command is the command line without the values of variables, which may be
// secret.
func (a *App) command() []string {
	return append([]string{"bkplan"}, withoutValues(a.Args)...)
}

func (a *App) holder() run.Holder {
	return run.Holder{PID: a.pid(), Command: a.command(), Started: a.now()}
}
