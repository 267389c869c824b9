package timer_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/timer"
)

// requireSystemd skips where systemd's own tools are missing; the gate has them.
func requireSystemd(t *testing.T) {
	t.Helper()
	for _, name := range []string{"systemd-analyze", "systemd-escape"} {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("BKPLAN_REQUIRE_SYSTEMD") == "1" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

// write puts units into a folder, and gives the paths of those that can be
// started.
func write(t *testing.T, units map[string]timer.Unit) (folder string, paths []string) {
	t.Helper()
	folder = t.TempDir()
	for name, u := range units {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(u.Text), 0o644); err != nil {
			t.Fatal(err)
		}
		timerOf, isTimer := strings.CutSuffix(path, ".timer")
		switch {
		case isTimer:
			paths = append(paths, path, timerOf+".service")
		case strings.HasSuffix(name, "-failed@.service"):
			paths = append(paths, strings.Replace(path, "@", "@x", 1))
		case strings.HasSuffix(name, ".service") && !strings.Contains(name, "@"):
			paths = append(paths, path)
		}
	}
	return folder, paths
}

func analyze(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("systemd-analyze", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "SYSTEMD_COLORS=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestSystemdFindsNothingWrong(t *testing.T) {
	requireSystemd(t)
	_, paths := write(t, unitsOf(t, homelab(t), timer.Config{Program: "/bin/true", Policy: "/etc/bkplan/bkplan.hcl"}))
	if out := analyze(t, append([]string{"verify", "--man=false"}, paths...)...); out != "" {
		t.Errorf("systemd says:\n%s", out)
	}
}

// TestHostileNamesAreData: what a person called a layer or a folder starts no
// other program, sets no other setting, and hides no line.
func TestHostileNamesAreData(t *testing.T) {
	requireSystemd(t)
	p := homelab(t)
	base := filepath.Join(t.TempDir(), "a b; $HOME ${HOME} %n *x* #")
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/true", filepath.Join(base, "bkplan")); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"--help", "a b\nExecStart=/bin/sh", "..", "*", `we[ek]ly?\`, "$(reboot)", "с кирилица", `"`, "a/../../b"} {
		p.Layers[i].Name = name
	}
	p.StateDir = base
	c := timer.Config{Program: base + "/bkplan", Policy: base + "/bkplan.hcl", VarFiles: []string{base + "/;"}}
	units := unitsOf(t, p, c)
	for name, u := range units {
		if strings.HasPrefix(name, ".") || strings.Contains(strings.TrimSuffix(name, "/50-bkplan.conf"), "/") {
			t.Errorf("%q leads out of the folder", name)
		}
		if strings.Contains(u.Text, "/bin/sh") && !strings.Contains(u.Text, `--layer=a b\x0a`) {
			t.Errorf("%s has a line of its own:\n%s", name, u.Text)
		}
	}
	_, paths := write(t, units)
	if out := analyze(t, append([]string{"verify", "--man=false"}, paths...)...); out != "" {
		t.Errorf("systemd says:\n%s", out)
	}
}

func TestWhatNoUnitCanSayIsRefused(t *testing.T) {
	p := homelab(t)
	for _, c := range []timer.Config{
		{Program: "bkplan", Policy: "/x"}, {Program: "/b", Policy: "x"}, {Program: "/b", Policy: "/x", VarFiles: []string{"v"}},
		{Program: "/b", Policy: "/a\nb"}, {Program: "/b", Policy: "/a\xff"}, {Program: "/b", Policy: `/a"`}, {Program: "/b's", Policy: "/a"}, {Program: `/b\`, Policy: "/a"},
	} {
		if units, err := timer.Units(p, c); err == nil {
			t.Errorf("%+v gives %d units", c, len(units))
		}
	}
	p.Layers[0].Name = strings.Repeat("я", 80)
	if _, err := timer.Units(p, packaged); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a name of 640 bytes: %v", err)
	}
}

// TestExposure holds the sandboxes against systemd's own estimate, in tenths: 0 is
// none. That of apply is what LVM, mounts and foreign files need; docs/timers.md.
func TestExposure(t *testing.T) {
	requireSystemd(t)
	folder, _ := write(t, unitsOf(t, homelab(t), timer.Config{Program: "/bin/true", Policy: "/etc/bkplan/bkplan.hcl"}))
	for name, most := range map[string]int{"bkplan@.service": 57, "bkplan-failed@.service": 15, "bkplan-watch.service": 27} {
		analyze(t, "security", "--offline=true", "--no-pager", fmt.Sprintf("--threshold=%d", most), filepath.Join(folder, name))
	}
}

func TestEscapeIsSystemds(t *testing.T) {
	requireSystemd(t)
	names := []string{"a", "-", ".", "..", ".a", "a.b", "a/b", "/", "a-b_c:d", "с кирилица", "a b\n\t\x7f", `\x2d`, "%i", "@", "--help"}
	for i := range 200 {
		names = append(names, strings.ReplaceAll(rapid.StringN(1, 20, 60).Example(i), "\x00", "-"))
	}
	out, err := exec.Command("systemd-escape", append([]string{"--"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for i, want := range strings.Split(strings.TrimSuffix(string(out), "\n"), " ") {
		if got := timer.Escape(names[i]); got != want {
			t.Errorf("%q: %s, want %s", names[i], got, want)
		}
		if before, taken := seen[want]; taken && before != names[i] {
			t.Errorf("%q and %q are both %s", before, names[i], want)
		}
		seen[want] = names[i]
	}
}

// TestSystemdMeansTheSameSlots compares a year of slots of every timer with
// those by which a plan says what is due. systemd starts a process for each slot
// of an expression that has a time zone, so the zone is in it for the days around
// the changes of the clock only, and is that of the machine for the year.
func TestSystemdMeansTheSameSlots(t *testing.T) {
	requireSystemd(t)
	p := homelab(t)
	loc := p.Timezone.Location()
	from := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	units := unitsOf(t, p, packaged)
	seen := map[string]bool{}
	for _, l := range p.Layers {
		for _, expr := range calendarsIn(units["bkplan@"+timer.Escape(l.Name)+".timer"]) {
			if seen[expr] {
				continue
			}
			seen[expr] = true
			plain, zoned := strings.CutSuffix(expr, " "+loc.String())
			if !zoned {
				t.Errorf("%s has no zone", expr)
			}
			compareSlots(t, l, expr, plain, loc, from, from.AddDate(1, 0, 0))
			for _, change := range []time.Time{time.Date(2027, 3, 26, 0, 0, 0, 0, time.UTC), time.Date(2027, 10, 29, 0, 0, 0, 0, time.UTC)} {
				compareSlots(t, l, expr, expr, loc, change, change.AddDate(0, 0, 4))
			}
		}
	}
	if len(seen) < 5 {
		t.Errorf("only %d calendars were compared", len(seen))
	}
}

func compareSlots(t *testing.T, l plan.Layer, expr, asked string, loc *time.Location, from, to time.Time) {
	t.Helper()
	want := slots(l, expr, loc, from, to)
	if len(want) == 0 {
		return
	}
	cmd := exec.Command("systemd-analyze", "calendar", fmt.Sprintf("--iterations=%d", len(want)), fmt.Sprintf("--base-time=@%d", from.Unix()), "--", asked)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ="+loc.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, readSlots(t, out)); diff != "" {
		t.Errorf("%s differs from systemd (-ours +systemd):\n%s", asked, diff)
	}
}

func calendarsIn(u timer.Unit) []string {
	var list []string
	for line := range strings.Lines(u.Text) {
		if expr, found := strings.CutPrefix(strings.TrimSpace(line), "OnCalendar="); found {
			list = append(list, expr)
		}
	}
	return list
}

// slots are those of the layer's calendar that the expression came from.
func slots(l plan.Layer, expr string, loc *time.Location, from, to time.Time) []string {
	c := l.Schedule
	if c.Zoned(loc) != expr {
		c = l.FullSchedule
	}
	var list []string
	for at, ok := c.Next(from, loc); ok && at.Before(to); at, ok = c.Next(at, loc) {
		list = append(list, at.UTC().Format(time.RFC3339))
	}
	return list
}

// readSlots reads the slots in UTC.
func readSlots(t *testing.T, out []byte) []string {
	t.Helper()
	var list []string
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		key, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), ": ")
		if key != "(in UTC)" {
			continue
		}
		at, err := time.Parse("Mon 2006-01-02 15:04:05 MST", value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, at.UTC().Format(time.RFC3339))
	}
	return list
}
