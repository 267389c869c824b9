package alert_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/alert"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/schedule"
	"github.com/bkplan/bkplan/test/monitoring"
)

// document is a file of rules as someone else reads it.
type document struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

var evil = []string{
	"{{ $labels.layer }}", "{{", "{{{{", "}}", "{{`", "`", "\"", "'", "\\", "\n", "\r", "\x00", "\xff\xfe", "$(id)", "${x}", "--", "..",
	": ", "- ", "#", "&a", "*a", "!!int", "%", "|", "\u2028", "\u202e", "é", " ", "a",
}

func evilText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(evil), 1, 6).Draw(t, "parts"), "")
	})
}

func hostilePolicy(t *rapid.T) plan.Policy {
	calendar, err := schedule.Parse("daily")
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Policy{
		Sources: []plan.Source{{LVMThin: &plan.LVMThinSource{
			VolumeGroup: evilText().Draw(t, "group"), ThinPool: evilText().Draw(t, "pool"),
		}}},
		Destinations: []plan.Destination{{Name: evilText().Draw(t, "destination")}},
		Alerts:       plan.Alerts{Labels: map[string]string{"channel": evilText().Draw(t, "channel")}},
	}
	for _, name := range rapid.SliceOfNDistinct(evilText(), 1, 3, func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }).Draw(t, "layers") {
		p.Layers = append(p.Layers, plan.Layer{Kind: plan.LayerSnapshot, Name: name, Schedule: calendar, IntegritySchedule: calendar})
	}
	return p
}

// TestHostileNames: whatever a name holds, it is in the file as data, and no template
// of Prometheus sees it as one.
func TestHostileNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := hostilePolicy(t)
		rules := alert.Build(p)
		var out bytes.Buffer
		if err := rules.Encode(&out); err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(out.Bytes()) {
			t.Fatal("the file is not UTF-8")
		}
		var read document
		if err := yaml.Unmarshal(out.Bytes(), &read); err != nil {
			t.Fatal(err)
		}
		var n int
		all := rules.All()
		for _, g := range read.Groups {
			for _, r := range g.Rules {
				want := all[n]
				n++
				if r.Alert != want.Name || r.Expr != want.Expr {
					t.Fatalf("%q is read as %q: %s", want.Name, r.Alert, r.Expr)
				}
				for name, value := range want.Labels {
					if got := execute(t, r.Labels[name]); got != strings.ToValidUTF8(value, "\uFFFD") {
						t.Fatalf("label %s of %q is shown as %q", name, value, got)
					}
				}
				for _, text := range r.Annotations {
					execute(t, text)
				}
			}
		}
		if n != len(all) {
			t.Fatalf("%d rules are read, want %d", n, len(all))
		}
	})
}

// TestHostileNamesLoad: Prometheus takes such files, and their tests pass.
func TestHostileNamesLoad(t *testing.T) {
	monitoring.Require(t, "promtool")
	for seed := range 2 {
		p := rapid.Custom(hostilePolicy).Example(seed)
		dir := install(t, p)
		mustPass(t, dir, "check", "rules", "--lint-fatal", "bkplan.yml")
		mustPass(t, dir, "test", "rules", "bkplan.test.yml")
	}
}
