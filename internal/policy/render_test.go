package policy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

func TestCarets(t *testing.T) {
	for _, c := range []struct {
		name    string
		d       Diagnostic
		source  string
		carets  string
		columns int
	}{
		{"plain", Diagnostic{Column: 3, EndColumn: 6}, "a bcd e", "  ^^^", 80},
		{"tab before", Diagnostic{Column: 2, EndColumn: 4}, "\tab", "    ^^", 80},
		{"tab after text", Diagnostic{Column: 3, EndColumn: 4}, "a\tb", "    ^", 80},
		{"tab inside", Diagnostic{Column: 1, EndColumn: 4}, "a\tb", "^^^^^", 80},
		{"wide before", Diagnostic{Column: 3, EndColumn: 4}, "日本x", "    ^", 80},
		{"wide inside", Diagnostic{Column: 1, EndColumn: 3}, "日本x", "^^^^", 80},
		{"combining", Diagnostic{Column: 2, EndColumn: 3}, "e\u0301x", " ^", 80},
		{"emoji sequence", Diagnostic{Column: 2, EndColumn: 3}, "👩‍👩‍👧x", "  ^", 80},
		{"escaped before", Diagnostic{Column: 2, EndColumn: 3}, "\x1bx", "    ^", 80},
		{"invalid before", Diagnostic{Column: 2, EndColumn: 3}, "\xffx", "    ^", 80},
		{"empty range", Diagnostic{Column: 2, EndColumn: 2}, "abc", " ^", 80},
		{"end of line", Diagnostic{Column: 4, EndColumn: 5}, "abc", "   ^", 80},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := c.d
			d.Severity, d.File, d.Line, d.EndLine, d.Snippet = Error, "p.hcl", 1, 1, c.source
			lines := strings.Split(d.Text(c.columns), "\n")
			if got := strings.TrimPrefix(lines[3], "      | "); got != c.carets {
				t.Errorf("got\n%s\nwant carets %q", d.Text(c.columns), c.carets)
			}
		})
	}
}

// TestTextOfAnything: whatever a diagnostic holds, lines that quote the source
// fit, and nothing reaches the terminal that could steer it.
func TestTextOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Diagnostic{
			Severity: Error,
			Summary:  rapid.String().Draw(t, "summary"),
			Detail:   rapid.String().Draw(t, "detail"),
			Hint:     rapid.String().Draw(t, "hint"),
			File:     rapid.String().Draw(t, "file"),
			Snippet:  string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "snippet")),
			Line:     rapid.IntRange(1, 1000).Draw(t, "line"),
			Column:   rapid.IntRange(1, 400).Draw(t, "column"),
		}
		d.EndLine = d.Line + rapid.IntRange(0, 3).Draw(t, "lines")
		d.EndColumn = rapid.IntRange(1, 400).Draw(t, "end")
		width := rapid.IntRange(0, 120).Draw(t, "width")
		for line := range strings.Lines(d.Text(width)) {
			line = strings.TrimSuffix(line, "\n")
			if strings.IndexFunc(line, isControl) >= 0 {
				t.Fatalf("control character in %q", line)
			}
			if before, _, quoted := strings.Cut(line, " | "); quoted && strings.Trim(before, " 0123456789") == "" && uniseg.StringWidth(line) > max(width, minWidth) {
				t.Fatalf("%q is %d columns wide, want %d", line, uniseg.StringWidth(line), width)
			}
		}
	})
}

func TestDiagnosticAsJSON(t *testing.T) {
	_, found := loadText(strings.Replace(small, "pvcs\n", "pvc\n", 1), Options{})
	got, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := `[
  {
    "severity": "error",
    "code": "unknown_reference",
    "summary": "unknown source \"pvc\"",
    "detail": "No source of this name is declared.",
    "hint": "did you mean source.pvcs?",
    "file": "p.hcl",
    "line": 22,
    "column": 14,
    "end_line": 22,
    "end_column": 24,
    "snippet": "  from     = source.pvc"
  }
]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON differs (-want +got):\n%s", diff)
	}
}

func TestFormat(t *testing.T) {
	messy := "\ufefflayer \"snapshot\" \"a\" {\n# why\nfrom=source.pvcs\n   schedule   =    \"daily\"\n}"
	want := "layer \"snapshot\" \"a\" {\n  # why\n  from     = source.pvcs\n  schedule = \"daily\"\n}\n"
	got, found := Format([]byte(messy), "p.hcl")
	if diff := cmp.Diff(want, string(got)); diff != "" || len(found) > 0 {
		t.Errorf("formatted text differs (-want +got):\n%s%s", diff, found.Text(80))
	}
	if got, found := Format([]byte("layer {"), "p.hcl"); got != nil || !found.HasErrors() {
		t.Error("a file with syntax errors is formatted")
	}
}
