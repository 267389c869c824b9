package policy

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

// alerts decodes the alerts block.
func (e *evaluator) alerts(d declaration) plan.Alerts {
	b := e.body("alerts block", d.block)
	a := plan.Alerts{
		Severity: b.severity(),
		Labels:   b.labels(),
		Instance: b.form("instance", "instance", hostName, "An instance is the name or address of a host, as Prometheus labels it, without a port."),
	}
	none := func(*body) {}
	b.alert("silent", &a.Silent, func(x *body) { a.Silent.Age = x.duration("after") })
	b.alert("pool_low", &a.PoolLow, func(x *body) { a.PoolLow.Share = x.limit("free") })
	b.alert("disk_full", &a.DiskFull, func(x *body) { a.DiskFull.Share = x.limit("used") })
	b.alert("disk_filling", &a.DiskFilling, func(x *body) { a.DiskFilling.Age = x.duration("within") })
	b.alert("capacity_unknown", &a.CapacityUnknown, none)
	b.alert("unprotected", &a.Unprotected, none)
	b.alert("no_version", &a.NoVersion, none)
	b.alert("suspect", &a.Suspect, none)
	b.alert("drift", &a.Drift, func(x *body) {
		a.Drift.Kinds = parsedList(x, "kinds", "kind of drift", driftKind)
		x.refuseEmpty("kinds", "leave it out for the kinds that endanger copies")
	})
	b.alert("wrong_clock", &a.WrongClock, none)
	b.alert("drill_overdue", &a.DrillOverdue, func(x *body) {
		x.require("after")
		a.DrillOverdue.Age = x.duration("after")
	})
	b.alert("drill_failed", &a.DrillFailed, none)
	b.done()
	return a
}

// alert reads the block of one alert; own reads what only that one has.
func (b *body) alert(name string, a *plan.Alert, own func(*body)) {
	b.within(name, name+" block", func(x *body) {
		a.Name = x.form("name", "name", alertName, "The name of an alert has letters, digits and _, and begins with a letter, so that it can be routed by.")
		a.Severity = x.severity()
		a.Labels = x.labels()
		a.For = x.duration("for")
		own(x)
	})
}

// layerAlert reads the alert block of a layer.
func (b *body) layerAlert(l *plan.Layer) {
	b.alert("alert", &l.Alert, func(x *body) { l.Alert.Age = x.duration("stale") })
}

// checkStale warns of alerts that would fire while their layers do all they should.
func (e *evaluator) checkStale(p plan.Policy) {
	for _, l := range p.Layers {
		age, known := p.LongestAge(l)
		if l.Alert.Age.IsZero() || !known || l.Alert.Age.Approx() > age {
			continue
		}
		e.warnAt(e.stalePlace(l), problem{
			code:    "stale_too_soon",
			summary: fmt.Sprintf("layer.%s is called stale before it is due again", l.Name),
			detail:  fmt.Sprintf("By the schedules its newest version is %s old before the next one comes, so the alert would fire while all is well.", hours(age)),
			hint:    "leave stale out: the default is that time and a quarter more",
		})
	}
}

func (e *evaluator) stalePlace(l plan.Layer) hcl.Range {
	for _, d := range e.declared.named("layer", l.Name) {
		for _, block := range d.block.Body.Blocks {
			if block.Type == "alert" {
				return e.body("", block).rangeOf("stale")
			}
		}
	}
	return hcl.Range{}
}

func hours(d time.Duration) string {
	if d >= time.Hour {
		return fmt.Sprintf("up to %dh", int(d/time.Hour))
	}
	return fmt.Sprintf("up to %dm", int(d/time.Minute))
}

var (
	alertName    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)
	severityForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,49}$`)
	hostName     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,253}$`)
	labelName    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)
)

func (b *body) severity() string {
	return b.form("severity", "severity", severityForm, "A severity is one word that Alertmanager routes by, such as warning or critical.")
}

// takenLabels are those that an alert has anyway: a policy that sets them would
// make alerts of different things look alike.
var takenLabels = []string{"alertname", "severity", "layer", "kind", "volume", "pool", "destination", "resource", "instance", "job"}

// labels reads the labels of an alert.
func (b *body) labels() map[string]string {
	value, ok := b.get("labels", cty.Map(cty.String))
	if !ok {
		return nil
	}
	labels := map[string]string{}
	written := value.AsValueMap()
	for _, name := range sortedKeys(written) {
		labels[name] = written[name].AsString()
		if wrong := labelFlaw(name, labels[name]); wrong != nil {
			b.errorAt(b.rangeOf("labels"), *wrong)
		}
	}
	return labels
}

func labelFlaw(name, value string) *problem {
	p := problem{code: "invalid_label", summary: fmt.Sprintf("labels: invalid label %q", shorten(name))}
	switch {
	case name == "severity":
		p.detail, p.hint = "The severity has an attribute of its own.", "write severity = …"
	case slices.Contains(takenLabels, name):
		p.detail = fmt.Sprintf("Alerts have a label %s that says what they are about.", name)
	case !labelName.MatchString(name):
		p.detail = "The name of a label has letters, digits and _, and begins with a letter."
	case value == "":
		p.detail = "An empty label is none to Prometheus."
	default:
		return nil
	}
	return &p
}

// limit reads a share that can be reached, and left.
func (b *body) limit(name string) quantity.Share {
	share := b.share(name)
	if percent := share.Percent(); !share.IsZero() && (percent == 0 || percent == 100) {
		b.errorAt(b.rangeOf(name), problem{
			code: "invalid_share", summary: fmt.Sprintf("%s must be between 0%% and 100%%", name),
			detail: "At this limit the alert would never fire, or always.",
		})
	}
	return share
}

// alertedKinds are the kinds of drift that an alert can be about; the others have
// one of their own, or are no drift.
var alertedKinds = []string{
	string(plan.Stale), string(plan.Missing), string(plan.UnknownKind), string(plan.Orphaned), string(plan.Foreign),
}

func driftKind(text string) (string, *flaw) {
	if slices.Contains(alertedKinds, text) {
		return text, nil
	}
	return "", &flaw{
		detail: fmt.Sprintf("This alert can be about %s.", oneOf(alertedKinds)),
		hint:   didYouMean(text, alertedKinds),
	}
}
