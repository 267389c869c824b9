package alert

import (
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

const (
	settle      = 15 * time.Minute // what one look may have got wrong
	unattended  = 72 * time.Hour   // drift that nobody has mended
	clockMayLie = time.Hour
)

// general makes the rules that are not about one layer.
func (b builder) general() []Rule {
	rules := append([]Rule{b.silence(), b.unprotected()}, b.noVersion()...)
	rules = append(rules, b.suspect(), b.drift(), b.wrongClock())
	return append(rules, b.drills()...)
}

// silence is about bkplan itself: no run, no file that is refreshed, no series.
func (b builder) silence() Rule {
	r := b.rule(b.policy.Alerts.Silent, defaults{"BkplanSilent", settle})
	runs := b.series(LastRun)
	r.Expr = "time() - " + b.latest(LastRun) + " > " + seconds(b.silent) + " or " + b.named("absent_over_time("+runs+"["+length(b.silent)+"])")
	r.Summary = "Nothing has been heard of bkplan for more than " + length(b.silent)
	r.Description = "Either nothing runs, or its metrics do not arrive; until then no other alert about backups can be relied upon.\n" +
		"Is it started: systemctl list-timers 'bkplan*'. Did it run, and did its metrics go out: bkplan runs show."
	r.proof = proof{world: neglected, after: b.silent, value: age, also: empty}
	return r
}

func (b builder) unprotected() Rule {
	r := b.rule(b.policy.Alerts.Unprotected, defaults{"BackupVolumesUnprotected", settle})
	r.Expr = b.latest(Drift, equals("kind", string(plan.Unprotected))) + " > 0"
	r.Summary = "{{ $value }} volumes have no backup"
	r.Description = "No layer covers them enough, and no exclusion explains why. Which: bkplan drift.\n" +
		"Add them to a layer of the policy, or an exclude block with a reason and accept = true."
	r.proof = ofDrift(plan.Unprotected)
	return r
}

// noVersion is about volumes that are covered, and of which no version was ever
// made: the age of a layer's success does not know them. It reads the series as
// they are, since there is one for each volume. A volume that is new waits for the
// next slot, so layers that come rarely have rules of their own, unless the policy
// says how long to wait.
func (b builder) noVersion() []Rule {
	var often, rare []plan.Layer
	for _, l := range b.policy.Layers {
		if late, _ := lateAfter(l); late > neverRun && b.policy.Alerts.NoVersion.For.IsZero() {
			rare = append(rare, l)
		} else {
			often = append(often, l)
		}
	}
	rules := []Rule{b.withoutVersion(neverRun, often, noneOf(rare)...)}
	for _, l := range rare {
		late, _ := lateAfter(l)
		r := b.withoutVersion(late, []plan.Layer{l}, equals("layer", l.Name))
		r.Labels["layer"] = l.Name // it has one anyway; rules of one name differ by their labels
		rules = append(rules, r)
	}
	return rules
}

func (b builder) withoutVersion(waiting time.Duration, layers []plan.Layer, matchers ...string) Rule {
	r := b.rule(b.policy.Alerts.NoVersion, defaults{"BackupVolumeWithoutVersion", waiting})
	r.Expr = b.series(VolumeVersions, matchers...) + " == 0"
	r.Summary = "Volume {{ $labels.volume }} has no version in layer {{ $labels.layer }}"
	r.Description = "It has been covered for " + length(r.For) + ", and no copy of it was ever completed.\n" +
		"What went wrong: bkplan runs show --layer '{{ $labels.layer }}'. What blocks it: bkplan plan -v --layer '{{ $labels.layer }}'."
	r.proof = proof{world: neglected, value: constant(0), brings: []map[string]string{}}
	for _, l := range layers {
		r.proof.brings = append(r.proof.brings, map[string]string{"layer": l.Name, "volume": someVolume})
	}
	return r
}

func (b builder) suspect() Rule {
	r := b.rule(b.policy.Alerts.Suspect, defaults{"BackupSuspect", settle})
	r.Expr = b.latest(LayerSuspect) + " > 0"
	r.Summary = "{{ $value }} versions of layer {{ $labels.layer }} look wrong"
	r.Description = "They are far smaller than those before them, or did not pass a check. Nothing older is pruned meanwhile. Which: bkplan drift.\n" +
		"Look into them before you need them: bkplan verify --data."
	r.proof = proof{world: neglected, value: constant(1)}
	for _, l := range b.policy.Layers {
		r.proof.brings = append(r.proof.brings, ofOneLayer(l)...)
	}
	return r
}

// endangering are the kinds of drift that mean that copies are missing. What is
// merely left over is listed by `bkplan drift`.
var endangering = []string{string(plan.Missing), string(plan.Stale), string(plan.UnknownKind)}

func (b builder) drift() Rule {
	kinds := endangering
	if written := b.policy.Alerts.Drift.Kinds; len(written) > 0 {
		kinds = slices.Sorted(slices.Values(written))
	}
	r := b.rule(b.policy.Alerts.Drift, defaults{"BackupDrift", unattended})
	r.Expr = b.latest(Drift, "kind=~"+quote(strings.Join(kinds, "|"))) + " > 0"
	r.Summary = "bkplan drift finds {{ $value }} of kind {{ $labels.kind }}, and nobody mends it"
	r.Description = "It has been so for " + length(r.For) + ". Which, and what to do: bkplan drift."
	r.proof = ofDrift()
	for _, kind := range kinds {
		r.proof.brings = append(r.proof.brings, map[string]string{"kind": kind})
	}
	return r
}

// wrongClock is about versions of the future: they would look fresh for years.
func (b builder) wrongClock() Rule {
	r := b.rule(b.policy.Alerts.WrongClock, defaults{"BackupClockWrong", settle})
	r.Expr = b.latest(LayerLastSuccess) + " - time() > " + seconds(clockMayLie)
	r.Summary = "Layer {{ $labels.layer }} has a version that is {{ $value | humanizeDuration }} in the future"
	r.Description = "The clock of the host was or is wrong. While it is, nothing is pruned, and the age of copies means nothing.\n" +
		"Set the clock: timedatectl. Then look which versions have such a time: bkplan plan -v --layer '{{ $labels.layer }}'."
	r.proof = proof{world: neglected, value: func(at time.Duration) float64 { return (farAhead - at).Seconds() }}
	for _, l := range b.policy.Layers {
		r.proof.brings = append(r.proof.brings, map[string]string{"layer": l.Name, "kind": l.Kind, "instance": b.ahead()})
	}
	return r
}

func ofDrift(kinds ...plan.DriftKind) proof {
	p := proof{world: neglected, value: constant(1)}
	for _, kind := range kinds {
		p.brings = append(p.brings, map[string]string{"kind": string(kind)})
	}
	return p
}
