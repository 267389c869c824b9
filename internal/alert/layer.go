package alert

import (
	"cmp"
	"strings"
	"time"
	"unicode"

	"github.com/bkplan/bkplan/internal/plan"
)

// neverRun is how long a layer may be without any sample; a layer whose success may
// be older has that long.
const neverRun = 48 * time.Hour

// layer makes the rules of one layer. Of a layer that this version does not carry
// out nothing tells that it never ran: there are no metrics of it yet.
func (b builder) layer(l plan.Layer) []Rule {
	late, known := StaleAfter(b.policy, l)
	var rules []Rule
	if known {
		rules = append(rules, b.stale(l, late))
	}
	rules = append(rules, b.failing(l))
	if b.policy.CarriesOut(l) && known {
		rules = append(rules, b.neverRan(l, late))
	}
	if !l.IntegritySchedule.IsZero() {
		rules = append(rules, b.integrity(l))
	}
	return rules
}

// StaleAfter is how old the last success of a layer may be: what the policy says, or
// what follows from the schedules. It is false where neither says it.
func StaleAfter(p plan.Policy, l plan.Layer) (time.Duration, bool) {
	if !l.Alert.Age.IsZero() {
		return l.Alert.Age.Approx(), true
	}
	age, known := p.LongestAge(l)
	return late(l, age), known
}

// layerRule begins a rule about a layer. Its name and kind are labels of the rule
// itself: what tells that series are absent has no others.
func (b builder) layerRule(l plan.Layer, a plan.Alert, d defaults) Rule {
	r := b.rule(a, d)
	r.Labels["layer"], r.Labels["kind"] = l.Name, l.Kind
	return r
}

// ofLayer begins a rule whose name is made of what all alerts of a layer share.
func (b builder) ofLayer(l plan.Layer, suffix string, waiting time.Duration) Rule {
	a := l.Alert
	a.Name = cmp.Or(a.Name, camelCase(l.Name)) + suffix
	r := b.layerRule(l, a, defaults{})
	r.For = waiting
	return r
}

func (b builder) stale(l plan.Layer, late time.Duration) Rule {
	r := b.ofLayer(l, "Stale", l.Alert.For.Approx())
	r.Expr = "time() - " + b.latest(LayerLastSuccess, equals("layer", l.Name)) + " > " + seconds(late)
	r.Summary = "Layer {{ $labels.layer }} has no fresh copy of everything: the oldest is {{ $value | humanizeDuration }} old"
	r.Description = "It should never be more than " + length(late) + ". At least one volume has no newer complete version.\n" +
		"What went wrong: bkplan runs show --layer '{{ $labels.layer }}'. What is due, and what blocks it: bkplan plan --layer '{{ $labels.layer }}'."
	r.proof = proof{world: neglected, after: late, brings: ofOneLayer(l), value: age}
	return r
}

func (b builder) failing(l plan.Layer) Rule {
	r := b.ofLayer(l, "Failing", 0)
	r.Expr = b.latest(LayerLastRunSuccess, equals("layer", l.Name)) + " == 0"
	r.Summary = "The last run of layer {{ $labels.layer }} did not do all it should"
	r.Description = "Something failed, was blocked, or was skipped because of that; good copies from before stay.\n" +
		"What, and in which words: bkplan runs show --layer '{{ $labels.layer }}'. When that is mended: bkplan apply --layer '{{ $labels.layer }}'."
	r.proof = proof{world: neglected, brings: ofOneLayer(l), value: constant(0)}
	return r
}

func (b builder) neverRan(l plan.Layer, late time.Duration) Rule {
	r := b.ofLayer(l, "NeverRun", max(neverRun, late))
	r.Expr = b.named("absent(" + b.series(LayerLastSuccess, equals("layer", l.Name)) + ")")
	r.Summary = "Layer {{ $labels.layer }} has no complete version that Prometheus has heard of"
	r.Description = "There was no sample for " + length(r.For) + ": it never ran, every run of it failed, or its metrics do not arrive.\n" +
		"Is it started: systemctl list-timers 'bkplan*'. Did it run: bkplan runs. What is there: bkplan plan --layer '{{ $labels.layer }}'."
	r.proof = proof{world: empty, brings: ofOneLayer(l), value: constant(1)}
	return r
}

func (b builder) integrity(l plan.Layer) Rule {
	r := b.layerRule(l, l.IntegrityAlert, defaults{name: camelCase(l.Name) + "IntegrityFail"})
	r.Expr = b.latest(LayerIntegrity, equals("layer", l.Name)) + " == 0 or " + b.latestOf(selector(OldIntegrity)) + " == 0"
	r.Summary = "A live database of layer {{ $labels.layer }} is damaged"
	r.Description = "Its integrity check says so. Stop the service before more is lost, keep its files as they are, and keep the newest good copy:\n" +
		"bkplan plan -v --layer '{{ $labels.layer }}' lists what there is."
	r.proof = proof{world: neglected, brings: ofOneLayer(l), value: constant(0)}
	return r
}

func ofOneLayer(l plan.Layer) []map[string]string {
	return []map[string]string{{"layer": l.Name, "kind": l.Kind}}
}

// camelCase makes WeeklyFiles of weekly_files; what is no letter, digit or _ is
// left out.
func camelCase(name string) string {
	var out strings.Builder
	begins := true
	for _, c := range strings.ToValidUTF8(name, "") {
		switch {
		case c == '_' || !unicode.IsLetter(c) && !unicode.IsDigit(c):
			begins = true
			continue
		case begins:
			c = unicode.ToUpper(c)
		}
		out.WriteRune(c)
		begins = false
	}
	if text := out.String(); text != "" && !unicode.IsDigit([]rune(text)[0]) {
		return text
	}
	return "Layer" + out.String()
}
