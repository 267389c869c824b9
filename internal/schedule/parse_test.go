package schedule

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var wrong = []string{
	"", " ", " daily", "daily ", "5:00 ", "@5 ",
	"dayly", "Dialy UTC", "houry", "monthy", "Mondey", "Thurs 5:00", "Sonntag", "every day", "UTC", "tomorrow",
	"daily 05:00", "daily Foo/Bar", "weekly Mon",
	"Mon,,Tue", ",Mon", "Mon..", "Sat..Mon", "Mon..Wed..Fri", "Mon.Tue", "Mon, Tue", "Mon Tue 5:00", "5:00 Mon",
	"*", "12", "Mon 12", "2026", "1-2-3-4", "2026~1-3", "*-13-1", "*-*-32", "*-*-0", "*-*~29", "*-*~3..1", "*-*-7..1", "2200-1-1", "2026..2025-1-1",
	"*-*-*/2", "*-*-1,*", "*-*-31/1", "*-*~1/1", "*-*-1,~1", "--1", "*-Jan-1", "2026-01-01T05:00:00",
	"24:00", "00:60", "00:00:60", "0..24:00", "22..4:00", "*:*/5", "*:0/60", "*:0/0", "5:", ":5", "5::", "1:1:1:1", "5:xx", "1,:0", "1,,2:0", "5../2:0", "1...3:0", "0.5:00",
	"*:*:0..0.5", "*:*:5.", "*:*:.5", "*:*:9999", "99999999999:0", "5 :0", "5:00 5:00",
	"05:00 Foo/Bar", "05:00 europe/sofia", "05:00 Local", "5:00 UTC UTC", "5:00  UTC", "Sun 05:00 EEST",
	"@", "@x", "@-5", "@1.5", "@7258118400", "@5 5:00", "@5 Foo",
	"0 5 * * *", "*/5 * * * *", "Mön 5:00", "5:00\n", "день", "5:00 \x00",
	strings.Repeat("1,", 241) + "1:00",
}

func TestParseErrors(t *testing.T) {
	var b strings.Builder
	for _, expr := range wrong {
		_, err := Parse(expr)
		var parseError *ParseError
		if !errors.As(err, &parseError) {
			t.Errorf("Parse(%q) gives %v, want a *ParseError", expr, err)
			continue
		}
		b.WriteString(render(parseError))
	}
	compareGolden(t, "testdata/errors.txt", b.String())
}

// render shows the expression with the offending bytes underlined.
func render(e *ParseError) string {
	const widest = 60
	line, marks := e.Expr, strings.Repeat(" ", e.Offset)+strings.Repeat("^", max(e.Length, 1))
	if len(line) > widest {
		line, marks = line[:widest]+"…", marks[:widest]+"…"
	}
	return fmt.Sprintf("%q\n %s\nreason: %s\nhint:   %s\n\n", line, marks, e.Reason, e.Hint)
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, diff)
	}
}

func TestParseErrorText(t *testing.T) {
	_, err := Parse("dayly")
	want := `parse calendar expression "dayly": "dayly" is neither a weekday nor a known word; did you mean daily?`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestCalendarText(t *testing.T) {
	c, err := Parse("sun 6:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Calendar{c, {}} {
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got := c
		if err := got.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q differs after a round trip (-want +got):\n%s", text, diff)
		}
	}
	var kept = c
	if err := kept.UnmarshalText([]byte("dayly")); err == nil || !kept.Equal(c) {
		t.Errorf("a wrong text gives %v and %q, want an error and no change", err, kept)
	}
}

func FuzzParse(f *testing.F) {
	for _, expr := range append(append([]string{}, forms...), wrong...) {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		c, err := Parse(expr)
		if err != nil {
			var e *ParseError
			if !errors.As(err, &e) || e.Expr != expr || e.Offset < 0 || e.Length < 0 || e.Offset+e.Length > len(expr) || e.Reason == "" {
				t.Fatalf("Parse(%q) gives %#v", expr, err)
			}
			return
		}
		again, err := Parse(c.String())
		if err != nil || again.String() != c.String() {
			t.Fatalf("%q has the form %q, which gives %q, %v", expr, c, again, err)
		}
	})
}
