package schedule

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "record testdata anew; slots are asked of the installed systemd-analyze")

const recordedFile = "testdata/slots.json"

// answer is what systemd says of a question: the normal form and the slots that
// follow, or that it refuses the expression, or that it got stuck on the way.
type answer struct {
	Name    string   `json:"name"`
	Expr    string   `json:"expr"`
	Zone    string   `json:"zone,omitempty"`
	Base    string   `json:"base,omitempty"`
	Normal  string   `json:"normal,omitempty"`
	Slots   []string `json:"slots,omitempty"`
	Refused bool     `json:"refused,omitempty"`
	Stuck   bool     `json:"stuck,omitempty"`
}

func TestRecordedSlots(t *testing.T) {
	if *update {
		record(t)
	}
	var recorded []answer
	data, err := os.ReadFile(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	if got, want := len(recorded), len(questions()); got != want {
		t.Errorf("%d answers are recorded for %d questions; run with -update", got, want)
	}
	for i, want := range recorded {
		t.Run(want.Name, func(t *testing.T) {
			q := questions()[i]
			if q.name != want.Name || q.expr != want.Expr {
				t.Fatalf("question %d is %q (%s), run with -update", i, q.name, q.expr)
			}
			if diff := compare(want, ourAnswer(q)); diff != "" {
				t.Errorf("differs from systemd (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLiveSlots(t *testing.T) {
	requireSystemd(t)
	for _, q := range questions() {
		t.Run(q.name, func(t *testing.T) {
			if diff := compare(systemdAnswer(t, q), ourAnswer(q)); diff != "" {
				t.Errorf("differs from systemd (-want +got):\n%s", diff)
			}
		})
	}
}

// compare returns how our answer differs from systemd's, or from the one of
// ourWay.
func compare(want, got answer) string {
	ours, ok := ourWay[got.Name]
	if !ok {
		return cmp.Diff(want, got)
	}
	if cmp.Equal(want.Slots, got.Slots) {
		return "systemd agrees by now: " + ours.reason
	}
	return cmp.Diff(ours.slots, got.Slots)
}

func requireSystemd(t *testing.T) {
	t.Helper()
	out, err := exec.Command("systemd-analyze", "--version").Output()
	reason := ""
	switch {
	case err != nil:
		reason = fmt.Sprintf("systemd-analyze cannot be asked: %v", err)
	case !bytes.HasPrefix(out, []byte("systemd 252 ")):
		reason = fmt.Sprintf("systemd 252 is the reference, here is %q", bytes.SplitN(out, []byte("\n"), 2)[0])
	default:
		return
	}
	if os.Getenv("BKPLAN_REQUIRE_SYSTEMD") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason + "; the recorded answers are tested")
}

func record(t *testing.T) {
	t.Helper()
	var answers []answer
	for _, q := range questions() {
		answers = append(answers, systemdAnswer(t, q))
	}
	data, err := json.MarshalIndent(answers, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recordedFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func ourAnswer(q question) answer {
	a := answer{Name: q.name, Expr: q.expr, Zone: q.zone, Base: q.base}
	c, err := Parse(q.expr)
	if err != nil {
		a.Refused = true
		return a
	}
	a.Normal = c.String()
	at, loc := q.baseTime(), q.location()
	for range q.count {
		next, ok := c.Next(at, loc)
		if !ok {
			break
		}
		at = next
		a.Slots = append(a.Slots, next.UTC().Truncate(time.Second).Format(time.RFC3339))
	}
	return a
}

func systemdAnswer(t testing.TB, q question) answer {
	t.Helper()
	a := answer{Name: q.name, Expr: q.expr, Zone: q.zone, Base: q.base}
	args := []string{"calendar", fmt.Sprintf("--iterations=%d", max(q.count, 1))}
	if q.base != "" {
		args = append(args, fmt.Sprintf("--base-time=@%d", q.baseTime().Unix()))
	}
	cmd := exec.Command("systemd-analyze", append(args, "--", q.expr)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ="+q.location().String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && strings.Contains(stderr.String(), "Failed to parse calendar specification"):
		a.Refused = true
		return a
	case errors.As(err, &exit) && strings.Contains(stderr.String(), "Infinite loop in calendar calculation"):
		a.Stuck = true
	case err != nil:
		t.Fatalf("systemd-analyze %q: %v: %s", args, err, stderr.String())
	}
	a.Normal, a.Slots = readAnalysis(t, out)
	if q.count == 0 {
		a.Slots = nil
	}
	return a
}

// readAnalysis reads the normal form and the slots in UTC from what
// systemd-analyze prints.
func readAnalysis(t testing.TB, out []byte) (normal string, slots []string) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		key, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), ": ")
		switch {
		case key == "Normalized form":
			normal = value
		case value == "never":
		case key == "(in UTC)", strings.HasPrefix(key, "Next elapse") || strings.HasPrefix(key, "Iter. #"):
			at, isUTC := strings.CutSuffix(value, " UTC")
			if !isUTC {
				continue
			}
			slot, err := time.Parse("Mon 2006-01-02 15:04:05", at)
			if err != nil {
				t.Fatal(err)
			}
			slots = append(slots, slot.Format(time.RFC3339))
		}
	}
	return normal, slots
}
