package alert

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

const testsHeader = `# Unit tests of the rules beside this file, written by "bkplan alerts --tests" from
# the same policy. To run them: promtool test rules THIS_FILE
`

type testFile struct {
	RuleFiles          []string   `yaml:"rule_files"`
	EvaluationInterval string     `yaml:"evaluation_interval"`
	Tests              []testNode `yaml:"tests"`
}

type testNode struct {
	Name     string       `yaml:"name"`
	Interval string       `yaml:"interval"`
	Series   []seriesNode `yaml:"input_series"`
	Checks   []checkNode  `yaml:"alert_rule_test"`
}

type seriesNode struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type checkNode struct {
	At     string         `yaml:"eval_time"`
	Name   string         `yaml:"alertname"`
	Alerts []expectedNode `yaml:"exp_alerts"`
}

type expectedNode struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations annotations       `yaml:"exp_annotations"`
}

// EncodeTests writes unit tests of the rules of a policy, which promtool finds in
// the file named rules. Each alert is there just before it fires, when it does, and
// while all is well.
func EncodeTests(w io.Writer, p plan.Policy, rules string) error {
	t := trial{rules: Build(p).All(), host: p.Alerts.Instance}
	t.step, t.end = t.pace()
	file := testFile{RuleFiles: []string{rules}, EvaluationInterval: length(t.step)}
	for w, name := range []string{healthy: "all runs do what they should", neglected: "one run failed, and none came after it", empty: "nothing was ever heard"} {
		node, err := t.test(world(w), histories(p, world(w), t.step))
		if err != nil {
			return err
		}
		node.Name = name
		file.Tests = append(file.Tests, node)
	}
	return encode(w, testsHeader, file)
}

// trial is the rules, tried in worlds that are looked at in steps.
type trial struct {
	rules     []Rule
	host      string // that the rules are about, if it is one
	step, end time.Duration
}

// The steps of a trial are as short as the settling of an alert, and no more than
// promtool evaluates in a few seconds.
const maxSteps = 60

// pace is how far the looks are apart, and when all rules have fired.
func (t trial) pace() (step, end time.Duration) {
	for _, r := range t.rules {
		end = max(end, r.proof.after+r.For)
	}
	step = settle
	for end/step > maxSteps {
		step += settle
	}
	return step, (end/step + 4) * step
}

func (t trial) test(w world, series []history) (testNode, error) {
	node := testNode{Interval: length(t.step)}
	for _, h := range series {
		node.Series = append(node.Series, seriesNode{h.series(), h.values(int(t.end / t.step))})
	}
	byName := map[string][]Rule{}
	for _, r := range t.rules {
		byName[r.Name] = append(byName[r.Name], r)
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		for _, at := range t.looks(w, byName[name]) {
			check := checkNode{At: length(at), Name: name, Alerts: []expectedNode{}}
			for _, r := range byName[name] {
				alerts, err := t.expected(r, w, at)
				if err != nil {
					return node, err
				}
				check.Alerts = append(check.Alerts, alerts...)
			}
			node.Checks = append(node.Checks, check)
		}
	}
	return node, nil
}

// looks are the times at which rules of one name are looked at: before and when
// each fires, and at the end.
func (t trial) looks(w world, rules []Rule) []time.Duration {
	times := []time.Duration{t.end}
	for _, r := range rules {
		if fires, does := t.fires(r, w); does {
			times = append(times, max(fires-t.step, 0), fires)
		}
	}
	slices.Sort(times)
	return slices.Compact(times)
}

// fires is the first look at which a rule fires.
func (t trial) fires(r Rule, w world) (time.Duration, bool) {
	holds := func(since time.Duration) time.Duration { return since + (r.For+t.step-1)/t.step*t.step }
	switch {
	case w != healthy && w == r.proof.also:
		return holds(0), true
	case w != r.proof.world:
		return 0, false
	case r.proof.after == 0:
		return holds(0), true
	}
	return holds((r.proof.after/t.step + 1) * t.step), true
}

// expected are the alerts of a rule that fire at a time.
func (t trial) expected(r Rule, w world, at time.Duration) ([]expectedNode, error) {
	fires, does := t.fires(r, w)
	if !does || at < fires {
		return nil, nil
	}
	brings, value := r.proof.brings, r.proof.value
	if w == r.proof.also || brings == nil {
		brings = []map[string]string{nil}
	}
	if w == r.proof.also {
		value = constant(1)
	}
	var alerts []expectedNode
	for _, labels := range brings {
		all := map[string]string{}
		if t.host != "" {
			all["instance"] = t.host
		}
		maps.Copy(all, labels)
		maps.Copy(all, r.Labels)
		texts, err := r.annotations(all, value(at))
		if err != nil {
			return nil, fmt.Errorf("render annotations of %s: %w", r.Name, err)
		}
		alerts = append(alerts, expectedNode{all, texts})
	}
	return alerts, nil
}
