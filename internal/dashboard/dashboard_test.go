package dashboard_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/bkplan/bkplan/internal/dashboard"
	"github.com/bkplan/bkplan/internal/policy"
	"github.com/bkplan/bkplan/test/monitoring"
)

var update = flag.Bool("update", false, "write the golden file anew")

func homelab(t *testing.T) (dashboard.Dashboard, []byte) {
	t.Helper()
	p, found := policy.Load("../../examples/homelab.hcl", policy.Options{})
	if len(found) > 0 {
		t.Fatal(found.Text(80))
	}
	d := dashboard.Build(p)
	var out bytes.Buffer
	if err := d.Encode(&out); err != nil {
		t.Fatal(err)
	}
	return d, out.Bytes()
}

func TestHomelab(t *testing.T) {
	const golden = "testdata/homelab.json"
	_, got := homelab(t)
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestGrafanaCanShowIt: panels have ids of their own and do not lie upon each other,
// each asks the Prometheus that is chosen, and every variable that is used is there.
func TestGrafanaCanShowIt(t *testing.T) {
	_, text := homelab(t)
	var d struct {
		SchemaVersion int
		Templating    struct{ List []struct{ Name string } }
		Panels        []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ H, W, X, Y int }
			Targets []struct {
				RefID, Expr string
				Datasource  struct{ UID string }
			}
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	variables := map[string]bool{}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	for _, used := range regexp.MustCompile(`\$\{?(\w+)`).FindAllSubmatch(text, -1) {
		if !variables[string(used[1])] {
			t.Errorf("variable %s is not declared", used[1])
		}
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q has id %d, at %+v", p.Title, p.ID, p.GridPos)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := cells[cell]; other != "" {
					t.Fatalf("%q lies upon %q", p.Title, other)
				}
				cells[cell] = p.Title
			}
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" || target.RefID == "" {
				t.Errorf("%q asks %q", p.Title, target.Datasource.UID)
			}
		}
	}
	if d.SchemaVersion == 0 || len(d.Panels) < 12 {
		t.Errorf("version %d, %d panels", d.SchemaVersion, len(d.Panels))
	}
}

// TestPrometheusReadsExpressions loads every expression as a rule.
func TestPrometheusReadsExpressions(t *testing.T) {
	monitoring.Require(t, "promtool")
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	d, _ := homelab(t)
	for i, expr := range d.Expressions() {
		expr = strings.NewReplacer("$instance", ".*", "$layer", ".*").Replace(expr)
		rules = append(rules, rule{fmt.Sprintf("panel:%d", i), expr})
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "promtool", "check", "rules", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("%d rules found", len(rules))) {
		t.Errorf("%v: %s", err, out)
	}
}
