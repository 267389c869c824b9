package alert

import (
	"cmp"
	"maps"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

// Build makes the rules of a policy.
func Build(p plan.Policy) Rules {
	b := newBuilder(p)
	rules := Rules{Groups: []Group{{Name: "bkplan", Rules: b.general()}}}
	if capacity := b.capacity(); len(capacity) > 0 {
		rules.Groups = append(rules.Groups, Group{Name: "bkplan-capacity", Rules: capacity})
	}
	layers := Group{Name: "bkplan-layers"}
	for _, l := range p.Layers {
		layers.Rules = append(layers.Rules, b.layer(l)...)
	}
	if len(layers.Rules) > 0 {
		rules.Groups = append(rules.Groups, layers)
	}
	return rules
}

// builder makes rules of one policy.
type builder struct {
	policy plan.Policy
	silent time.Duration // how long after a run the next one has brought its metrics
}

func newBuilder(p plan.Policy) builder {
	b := builder{policy: p, silent: p.Alerts.Silent.Age.Approx()}
	if b.silent == 0 {
		b.silent = silentAfter(p)
	}
	return b
}

// defaultSilent is for a policy none of whose layers comes twice.
const defaultSilent = 26 * time.Hour

// silentAfter is when the layer that comes most often is late: any run brings all
// metrics.
func silentAfter(p plan.Policy) time.Duration {
	var shortest time.Duration
	for _, l := range p.Layers {
		if late, known := lateAfter(l); known && p.CarriesOut(l) && (shortest == 0 || late < shortest) {
			shortest = late
		}
	}
	return cmp.Or(shortest, defaultSilent)
}

const (
	minGrace = time.Hour
	maxGrace = 24 * time.Hour
)

// lateAfter is how long after one run of a layer the next one is overdue.
func lateAfter(l plan.Layer) (time.Duration, bool) {
	gap, known := l.Schedule.LongestGap()
	return late(l, gap), known
}

// late is what the schedule gives a layer and a quarter of that, at least an hour and
// at most a day, or all the time that one action of it may take.
func late(l plan.Layer, scheduled time.Duration) time.Duration {
	grace := max(min(scheduled/4, maxGrace), minGrace, l.Timeout.Approx())
	return (scheduled + grace).Round(time.Minute)
}

// latest is the newest sample of a metric, also while a gateway that restarted has
// none of it.
func (b builder) latest(metric string, matchers ...string) string {
	return b.latestOf(b.series(metric, matchers...))
}

func (b builder) latestOf(series string) string {
	return "last_over_time(" + series + "[" + length(b.silent) + "])"
}

// series are the samples of a metric that are of the policy's host.
func (b builder) series(metric string, matchers ...string) string {
	if host := b.policy.Alerts.Instance; host != "" {
		matchers = append(matchers, ofHost(host))
	}
	return selector(metric, matchers...)
}

// named gives the host's name to what tells that series are absent, which has none:
// alerts of two hosts would be one.
func (b builder) named(expr string) string {
	if b.policy.Alerts.Instance == "" {
		return expr
	}
	return "label_replace(" + expr + ", \"instance\", " + quote(b.policy.Alerts.Instance) + ", \"\", \"\")"
}

// defaults is what an alert is like that the policy does not mention.
type defaults struct {
	name    string
	waiting time.Duration
}

// defaultSeverity is that of alerts for which a policy names none.
const defaultSeverity = "warning"

// rule begins a rule with what the policy says about its alert.
func (b builder) rule(a plan.Alert, d defaults) Rule {
	labels := maps.Clone(b.policy.Alerts.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, a.Labels)
	labels["severity"] = cmp.Or(a.Severity, b.policy.Alerts.Severity, defaultSeverity)
	return Rule{Name: cmp.Or(a.Name, d.name), For: orDefault(a.For, d.waiting), Labels: labels}
}

func orDefault(written quantity.Duration, other time.Duration) time.Duration {
	if written.IsZero() {
		return other
	}
	return written.Approx()
}
