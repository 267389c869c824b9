package timer_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/policy"
	"github.com/bkplan/bkplan/internal/timer"
)

var update = flag.Bool("update", false, "write what units look like into the golden file")

var packaged = timer.Config{Program: "/usr/bin/bkplan", Policy: "/etc/bkplan/bkplan.hcl"}

func homelab(t *testing.T) plan.Policy {
	t.Helper()
	p, diagnostics := policy.Load("../../examples/homelab.hcl", policy.Options{})
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics.Text(80))
	}
	return p
}

func unitsOf(t *testing.T, p plan.Policy, c timer.Config) map[string]timer.Unit {
	t.Helper()
	units, err := timer.Units(p, c)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]timer.Unit{}
	for _, u := range units {
		byName[u.Name] = u
	}
	return byName
}

func TestHomelabUnits(t *testing.T) {
	units, err := timer.Units(homelab(t), packaged)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, u := range units {
		b.WriteString("--- " + u.Name + "\n" + u.Text)
	}
	const golden = "testdata/homelab.units"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("units differ (-want +got):\n%s", diff)
	}
}

func TestLayersThatAreNotCarriedOutHaveNoTimer(t *testing.T) {
	p := homelab(t)
	units := unitsOf(t, p, packaged)
	without := timer.NotCarriedOut(p)
	if len(without) != 8 {
		t.Errorf("%d layers are not carried out", len(without))
	}
	timers := 0
	for name := range units {
		if strings.HasSuffix(name, ".timer") {
			timers++
		}
	}
	if timers != len(p.Layers)-len(without) {
		t.Errorf("%d timers for %d layers", timers, len(p.Layers))
	}
}

// TestWatchIsThePackagesOwn: the package brings a unit for its own paths; the one
// that is written for others must not fall behind it.
func TestWatchIsThePackagesOwn(t *testing.T) {
	brought, err := os.ReadFile("../../tools/bkplan-watch.service")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(unitsOf(t, homelab(t), packaged)["bkplan-watch.service"].Text, "[Unit]\n")
	want := strings.Replace(string(brought), "ExecStart=/usr/bin/bkplan watch\n",
		"ExecStart=:/usr/bin/bkplan watch --file=/etc/bkplan/bkplan.hcl\nEnvironmentFile=-/etc/default/bkplan\n", 1)
	if diff := cmp.Diff(want, "[Unit]\n"+text); diff != "" {
		t.Errorf("differs from tools/bkplan-watch.service (-want +got):\n%s", diff)
	}
}

func TestWatchComesWithTrackedTreesOnly(t *testing.T) {
	p := homelab(t)
	for i := range p.Layers {
		p.Layers[i].TrackChanges = false
	}
	if _, found := unitsOf(t, p, packaged)["bkplan-watch.service"]; found {
		t.Error("there is nothing to watch")
	}
}

// TestWatchWritesWhereTheStateIs: everything else is read-only for it.
func TestWatchWritesWhereTheStateIs(t *testing.T) {
	for dir, want := range map[string]string{
		"/var/lib/bkplan":  "StateDirectory=bkplan\n",
		"/var/lib/a/b":     "StateDirectory=a/b\n",
		"/srv/state":       "ReadWritePaths=/srv/state\n",
		"/srv/my state":    `ReadWritePaths="/srv/my state"` + "\n",
		"/var/lib/50% new": `ReadWritePaths="/var/lib/50%% new"` + "\n",
	} {
		p := homelab(t)
		p.StateDir = dir
		if text := unitsOf(t, p, packaged)["bkplan-watch.service"].Text; !strings.Contains(text, want) {
			t.Errorf("%s: no %q in\n%s", dir, want, text)
		}
	}
}
