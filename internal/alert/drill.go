package alert

import (
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
)

// drills makes the rules about restore drills: that one failed, and, where the policy
// wants them, that none has come out well for so long. A layer that was never tried has
// a last drill at the beginning of time.
func (b builder) drills() []Rule {
	var brings []map[string]string
	for _, l := range b.policy.Layers {
		if b.policy.CanRestore(l) {
			brings = append(brings, ofOneLayer(l)...)
		}
	}
	if len(brings) == 0 {
		return nil
	}
	failed := b.rule(b.policy.Alerts.DrillFailed, defaults{"BackupDrillFailed", settle})
	failed.Expr = b.latest(LayerLastDrillGood) + " == 0"
	failed.Summary = "A version of layer {{ $labels.layer }} could not be restored as it was"
	failed.Description = "The last restore drill says so; its words are in drills.json of the state directory.\n" +
		"Try it again: bkplan drill --layer '{{ $labels.layer }}' --volume '*'. Which versions are sound: bkplan verify --data."
	failed.proof = proof{world: neglected, brings: brings, value: constant(0)}
	after := b.policy.Alerts.DrillOverdue.Age.Approx()
	if after == 0 {
		return []Rule{failed}
	}
	overdue := b.rule(b.policy.Alerts.DrillOverdue, defaults{"BackupDrillOverdue", settle})
	overdue.Expr = "time() - " + b.latest(LayerLastDrill) + " > " + seconds(after)
	overdue.Summary = "Nobody has proven within " + length(after) + " that layer {{ $labels.layer }} can be restored"
	overdue.Description = "A backup that was never restored is a hope. One volume at a time: bkplan drill --layer '{{ $labels.layer }}'."
	overdue.proof = proof{world: neglected, after: after, brings: slices.Clone(brings), value: age}
	return []Rule{failed, overdue}
}

// drillHistories are the series of a layer that drills can try.
func (b builder) drillHistories(l plan.Layer, good bool, pace float64) []history {
	if !b.policy.CanRestore(l) {
		return nil
	}
	layer := ofOneLayer(l)[0]
	return []history{{LayerLastDrill, layer, 0, pace}, {LayerLastDrillGood, layer, pick(good, 1, 0), 0}}
}
