package view

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	"github.com/bkplan/bkplan/internal/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata/view.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("..", "..", "testdata", "view", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", name, diff)
	}
}

var plain80 = Options{Width: 80, Color: termenv.Ascii}

type render func(io.Writer, plan.Plan, Options) error

func text(t testing.TB, draw render, p plan.Plan, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := draw(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTerminal(t *testing.T) {
	verbose := plain80
	verbose.Verbose = true
	for _, c := range []struct {
		name    string
		draw    render
		plan    plan.Plan
		options Options
	}{
		{"plan-nightly.txt", Plan, nightly(), plain80},
		{"plan-nightly-verbose.txt", Plan, nightly(), verbose},
		{"plan-low-space.txt", Plan, lowSpace(), plain80},
		{"plan-all-blocked.txt", Plan, allBlocked(), plain80},
		{"plan-settled.txt", Plan, settled(), plain80},
		{"plan-hostile.txt", Plan, hostile(), plain80},
		{"drift.txt", Drift, drifted(), plain80},
		{"drift-verbose.txt", Drift, drifted(), verbose},
		{"drift-none.txt", Drift, settled(), plain80},
		{"drift-hostile.txt", Drift, hostile(), plain80},
	} {
		t.Run(c.name, func(t *testing.T) { golden(t, c.name, text(t, c.draw, c.plan, c.options)) })
	}
}

func TestMarkdownAndJSON(t *testing.T) {
	without := func(draw func(io.Writer, plan.Plan) error) render {
		return func(w io.Writer, p plan.Plan, _ Options) error { return draw(w, p) }
	}
	for _, c := range []struct {
		name string
		draw func(io.Writer, plan.Plan) error
		plan plan.Plan
	}{
		{"plan-nightly.md", PlanMarkdown, nightly()},
		{"plan-low-space.md", PlanMarkdown, lowSpace()},
		{"plan-all-blocked.md", PlanMarkdown, allBlocked()},
		{"plan-settled.md", PlanMarkdown, settled()},
		{"plan-hostile.md", PlanMarkdown, hostile()},
		{"drift.md", DriftMarkdown, drifted()},
		{"drift-none.md", DriftMarkdown, settled()},
		{"drift-hostile.md", DriftMarkdown, hostile()},
		{"plan-nightly.json", PlanJSON, nightly()},
		{"plan-low-space.json", PlanJSON, lowSpace()},
		{"plan-all-blocked.json", PlanJSON, allBlocked()},
		{"plan-settled.json", PlanJSON, settled()},
		{"plan-hostile.json", PlanJSON, hostile()},
		{"drift.json", DriftJSON, drifted()},
		{"drift-none.json", DriftJSON, settled()},
		{"drift-hostile.json", DriftJSON, hostile()},
	} {
		t.Run(c.name, func(t *testing.T) { golden(t, c.name, text(t, without(c.draw), c.plan, Options{})) })
	}
}

func TestHomelabFitsTheScreen(t *testing.T) {
	for name, p := range map[string]plan.Plan{"nightly": nightly(), "low space": lowSpace(), "all blocked": allBlocked()} {
		lines := strings.Split(strings.TrimSuffix(text(t, Plan, p, plain80), "\n"), "\n")
		if len(lines) > 32 {
			t.Errorf("%s: %d lines", name, len(lines))
		}
		for _, line := range lines[:len(lines)-1] {
			if lipgloss.Width(line) > 80 {
				t.Errorf("%s: wider than 80 columns: %q", name, line)
			}
		}
	}
}
