package view

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/muesli/termenv"
	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/plan"
)

var draws = map[string]render{
	"plan": Plan, "drift": Drift,
	"plan markdown":  func(w io.Writer, p plan.Plan, _ Options) error { return PlanMarkdown(w, p) },
	"drift markdown": func(w io.Writer, p plan.Plan, _ Options) error { return DriftMarkdown(w, p) },
	"plan JSON":      func(w io.Writer, p plan.Plan, _ Options) error { return PlanJSON(w, p) },
	"drift JSON":     func(w io.Writer, p plan.Plan, _ Options) error { return DriftJSON(w, p) },
}

// A hostile name is data (safety rule 14): whatever it is, no view lets a
// byte of it through that a terminal obeys.
func TestNoNameReachesTheTerminal(t *testing.T) {
	any := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		name := any.Draw(t, "name")
		p := withName(hostile(), name)
		o := Options{Width: rapid.IntRange(0, 200).Draw(t, "width"), Color: termenv.Ascii, Verbose: rapid.Bool().Draw(t, "verbose")}
		for view, draw := range draws {
			var b strings.Builder
			if err := draw(&b, p, o); err != nil {
				t.Fatal(err)
			}
			if !utf8.ValidString(b.String()) {
				t.Fatalf("%s is not UTF-8", view)
			}
			for _, r := range b.String() {
				if r != '\n' && !strconv.IsPrint(r) {
					t.Fatalf("%s lets %U through", view, r)
				}
			}
		}
	})
}

// withName renames everything in a plan.
func withName(p plan.Plan, name string) plan.Plan {
	p.Host, p.Layers[0].Name, p.Layers[0].Kind, p.Layers[1].Name, p.Layers[1].Kind = name, name, plan.LayerSnapshot, "x"+name, name
	for i := range p.Actions {
		p.Actions[i].Layer, p.Actions[i].Volume, p.Actions[i].Reason.Detail = name, name, name
	}
	p.Actions[1].Blocked = &plan.Block{Code: name, Detail: name, Unblock: name}
	p.Excluded = []plan.Skipped{{Layer: name, Volume: name, Exclude: name, Reason: name}}
	p.Warnings = []plan.Warning{{Detail: name, Hint: name}}
	p.Filter = plan.Filter{Layers: []string{name}}
	for i := range p.Drift {
		p.Drift[i].Name, p.Drift[i].Layer, p.Drift[i].Detail, p.Drift[i].Hint = name, name, name, name
	}
	return p
}

var (
	codeSpans = regexp.MustCompile("(\\\\`)|`[^`\n]*`")
	escaped   = regexp.MustCompile(`\\[!-/:-@\[-` + "`" + `{-~]`)
)

// Outside of code spans, no character of a name is markup.
func TestNoNameBecomesMarkup(t *testing.T) {
	for name, draw := range map[string]render{"plan": draws["plan markdown"], "drift": draws["drift markdown"]} {
		for line := range strings.Lines(text(t, draw, hostile(), plain80)) {
			if strings.HasPrefix(line, "<summary>") {
				line = strings.NewReplacer("<summary>", "", "</summary>", "", "<code>", "", "</code>", "").Replace(line)
				if strings.ContainsAny(line, "<>") {
					t.Errorf("%s: markup in %s", name, line)
				}
				continue
			}
			rest := codeSpans.ReplaceAllString(line, "")
			rest = escaped.ReplaceAllString(rest, "")
			for _, markup := range []string{"<script", "@", "](", "`", "http://", "**b**"} {
				if strings.Contains(rest, markup) {
					t.Errorf("%s: %q in %q", name, markup, rest)
				}
			}
		}
	}
}

func TestTableRowsHaveTheirCells(t *testing.T) {
	for line := range strings.Lines(text(t, draws["plan markdown"], hostile(), plain80)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		if cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") - 1; cells != 4 {
			t.Errorf("%d cells in %s", cells, line)
		}
	}
}

// huge is a plan of so many volumes.
func huge(volumes int) plan.Plan {
	p := nightly()
	p.Actions = nil
	for n := range volumes {
		app := fmt.Sprintf("namespace-%d/data", n)
		p.Actions = append(p.Actions, create(app, n), prune(app, n, at(11, 16, 3, 0)))
		p.Drift = append(p.Drift, plan.Drift{Kind: plan.Unprotected, Name: app, Detail: "x"}, plan.Drift{Kind: plan.Unmatched, Name: app, Detail: "x"})
		p.Warnings = append(p.Warnings, plan.Warning{Detail: "something about " + app})
	}
	return p
}

func TestCommentFitsGitHub(t *testing.T) {
	for _, name := range []string{"plan markdown", "drift markdown"} {
		got := text(t, draws[name], huge(3000), plain80)
		if n := len(got); n > commentLimit || n < commentLimit/2 {
			t.Errorf("%s: %d bytes", name, n)
		}
		if open, closed := strings.Count(got, "<details>"), strings.Count(got, "</details>"); open != closed {
			t.Errorf("%s: %d sections opened, %d closed", name, open, closed)
		}
		if !strings.Contains(got, "_Cut to fit into a comment") {
			t.Errorf("%s does not say that it is cut", name)
		}
	}
}

func TestColor(t *testing.T) {
	if got := text(t, Plan, nightly(), plain80); strings.Contains(got, "\x1b") {
		t.Error("escape sequences without colour")
	}
	o := Options{Width: 80, Color: termenv.ANSI}
	got := text(t, Plan, nightly(), o)
	if !strings.Contains(got, "\x1b[32m+ create\x1b[0m") || !strings.Contains(got, "\x1b[31m- prune\x1b[0m") {
		t.Errorf("no green create or red prune in\n%q", got)
	}
	bare := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(got, "")
	if want := text(t, Plan, nightly(), plain80); bare != want {
		t.Errorf("colour changes the layout:\n%s\n%s", bare, want)
	}
}

func BenchmarkPlan(b *testing.B) {
	p := huge(10_000)
	p.Warnings = nil
	for _, c := range []struct {
		name    string
		draw    render
		verbose bool
	}{{"folded", Plan, false}, {"verbose", Plan, true}, {"markdown", draws["plan markdown"], false}, {"JSON", draws["plan JSON"], false}, {"drift", Drift, false}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.draw(io.Discard, p, Options{Width: 80, Color: termenv.ANSI, Verbose: c.verbose}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
