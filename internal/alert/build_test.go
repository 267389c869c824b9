package alert_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/alert"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/policy"
)

var update = flag.Bool("update", false, "write the golden files anew")

const examplePolicy = "../../examples/homelab.hcl"

// load loads a policy of a file, and wants it to be in order.
func load(t *testing.T, path string) plan.Policy {
	t.Helper()
	p, found := policy.Load(path, policy.Options{})
	if len(found) > 0 {
		t.Fatal(found.Text(80))
	}
	return p
}

// loadText loads a policy whose text is given.
func loadText(t *testing.T, text string) plan.Policy {
	t.Helper()
	path := t.TempDir() + "/bkplan.hcl"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return load(t, path)
}

func encode(t *testing.T, rules alert.Rules) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := rules.Encode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestHomelab compares the rules of the example, as they are installed.
func TestHomelab(t *testing.T) {
	const golden = "testdata/homelab.rules.yml"
	got := encode(t, alert.Build(load(t, examplePolicy)))
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
	if again := encode(t, alert.Build(load(t, examplePolicy))); !bytes.Equal(got, again) {
		t.Error("a second time they are others")
	}
}

const small = `
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

destination "disk" "sda" { path = "/mnt/backup" }

layer "snapshot" "nightly_snapshots" {
  from     = source.pvcs
  schedule = "*-*-* 03:00"
}

layer "files" "weekly" {
  from      = layer.nightly_snapshots
  to        = destination.sda
  directory = "files"
  schedule  = "Sun *-*-* 05:00"
}

source "etcd" "cluster" { cronjob = "kube-system/etcd" }

layer "dump" "etcd" {
  from      = source.cluster
  to        = destination.sda
  directory = "etcd"
  schedule  = "Sun *-*-* 01:00"
}
`

// shape is what matters of a rule.
type shape struct {
	Expr, Severity string
	For            time.Duration
}

// named are the rules of a name.
func named(rules alert.Rules, name string) []shape {
	var shapes []shape
	for _, r := range rules.All() {
		if r.Name == name {
			shapes = append(shapes, shape{r.Expr, r.Labels["severity"], r.For})
		}
	}
	return shapes
}

// TestDefaults: a policy that says nothing about alerts has them all.
func TestDefaults(t *testing.T) {
	rules := alert.Build(loadText(t, small))
	for name, want := range map[string]shape{
		"NightlySnapshotsStale": {
			`time() - last_over_time(bkplan_layer_last_success_timestamp_seconds{layer="nightly_snapshots"}[30h]) > 30 * 3600`, "warning", 0,
		},
		"NightlySnapshotsFailing":  {`last_over_time(bkplan_layer_last_run_success{layer="nightly_snapshots"}[30h]) == 0`, "warning", 0},
		"NightlySnapshotsNeverRun": {`absent(bkplan_layer_last_success_timestamp_seconds{layer="nightly_snapshots"})`, "warning", 48 * time.Hour},
		"WeeklyStale": {
			`time() - last_over_time(bkplan_layer_last_success_timestamp_seconds{layer="weekly"}[30h]) > 194 * 3600`, "warning", 0,
		},
		"WeeklyNeverRun": {`absent(bkplan_layer_last_success_timestamp_seconds{layer="weekly"})`, "warning", 194 * time.Hour},
		"EtcdStale": {
			`time() - last_over_time(bkplan_layer_last_success_timestamp_seconds{layer="etcd"}[30h]) > 192 * 3600`, "warning", 0,
		},
		"BkplanSilent": {
			`time() - last_over_time(bkplan_last_run_timestamp_seconds[30h]) > 30 * 3600 or absent_over_time(bkplan_last_run_timestamp_seconds[30h])`,
			"warning", 15 * time.Minute,
		},
	} {
		if diff := cmp.Diff([]shape{want}, named(rules, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if found := named(rules, "EtcdNeverRun"); found != nil {
		t.Errorf("a layer that is not carried out has never run: %v", found)
	}
}

// TestPolicySays: severity, labels, names, thresholds and the host come from the
// policy.
func TestPolicySays(t *testing.T) {
	rules := alert.Build(loadText(t, small+`
layer "snapshot" "hourly" {
  from     = source.pvcs
  schedule = "hourly"
  alert {
    name     = "Hourly"
    stale    = "3h"
    for      = "10m"
    severity = "critical"
    labels   = { channel = "ops" }
  }
}

alerts {
  severity = "info"
  labels   = { channel = "backup", team = "home" }
  instance = "pve.lan"
  silent { after = "4h" }
  pool_low { free = "12.5%" }
}
`))
	for name, want := range map[string]shape{
		"HourlyStale": {
			`time() - last_over_time(bkplan_layer_last_success_timestamp_seconds{layer="hourly",instance=~"pve\\.lan(:[0-9]+)?"}[4h]) > 3 * 3600`,
			"critical", 10 * time.Minute,
		},
		"WeeklyNeverRun": { // of two hosts there are two
			`label_replace(absent(bkplan_layer_last_success_timestamp_seconds{layer="weekly",instance=~"pve\\.lan(:[0-9]+)?"}), "instance", "pve.lan", "", "")`,
			"info", 194 * time.Hour,
		},
		"WeeklyFailing": {`last_over_time(bkplan_layer_last_run_success{layer="weekly",instance=~"pve\\.lan(:[0-9]+)?"}[4h]) == 0`, "info", 0},
	} {
		if diff := cmp.Diff([]shape{want}, named(rules, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// The older script ran elsewhere, and no host's name is in what it pushed.
	for _, r := range rules.All() {
		if strings.Contains(r.Expr, alert.OldIntegrity) && !strings.Contains(r.Expr, "last_over_time("+alert.OldIntegrity+"[4h])") {
			t.Errorf("%s: %s", r.Name, r.Expr)
		}
	}
	want := []shape{
		{`last_over_time(bkplan_pool_data_used_ratio{instance=~"pve\\.lan(:[0-9]+)?"}[4h]) > 0.875`, "info", 15 * time.Minute},
		{`last_over_time(bkplan_pool_metadata_used_ratio{instance=~"pve\\.lan(:[0-9]+)?"}[4h]) > 0.875`, "info", 15 * time.Minute},
	}
	if diff := cmp.Diff(want, named(rules, "LVMThinPoolLow")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	i := slices.IndexFunc(rules.All(), func(r alert.Rule) bool { return r.Name == "HourlyFailing" })
	wantLabels := map[string]string{"channel": "ops", "team": "home", "severity": "critical", "layer": "hourly", "kind": "snapshot"}
	if diff := cmp.Diff(wantLabels, rules.All()[i].Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

// TestEveryLayerAlerts: no layer of the example is without alerts, and what each
// rule tells begins with what it is about.
func TestEveryLayerAlerts(t *testing.T) {
	p := load(t, examplePolicy)
	rules := alert.Build(p).All()
	for _, l := range p.Layers {
		about := 0
		for _, r := range rules {
			if r.Labels["layer"] == l.Name {
				about++
			}
		}
		if want := map[bool]int{true: 3, false: 2}[p.CarriesOut(l)]; about < want {
			t.Errorf("%s has %d alerts, want %d", l.Address(), about, want)
		}
	}
	for _, r := range rules {
		if r.Summary == "" || r.Description == "" || r.Labels["severity"] == "" {
			t.Errorf("%s: %+v", r.Name, r)
		}
	}
}

// TestStaleAfter: without a word of the policy the schedule says when a layer is late.
func TestStaleAfter(t *testing.T) {
	for lines, want := range map[string]time.Duration{
		`schedule = "*-*-* 03:00"`:                                    30 * hour,
		`schedule = "Sun *-*-* 03:00"`:                                8 * day,
		`schedule = "hourly"`:                                         2 * hour,
		`schedule = "*-*-* 00/6:00"`:                                  7*hour + 30*time.Minute,
		"schedule = \"*-*-* 03:00\"\n timeout = \"12h\"":              36 * hour,
		"schedule = \"*-*-* 03:00\"\n alert { stale = \"3d\" }":       3 * day,
		`schedule = "2026-12-24 03:00"`:                               0,
		"schedule = \"2026-12-24 03:00\"\n alert { stale = \"40d\" }": 40 * day,
	} {
		p := loadText(t, fmt.Sprintf(`
source "directory" "nfs" { path = "/srv/nfs" }
destination "disk" "sda" { path = "/mnt/backup" }
layer "sync" "nfs" {
  from      = source.nfs
  to        = destination.sda
  directory = "nfs"
  %s
}
`, lines))
		late, known := alert.StaleAfter(p, p.Layers[0])
		if known != (want > 0) || known && late != want {
			t.Errorf("%s: %v, %v, want %v", lines, late, known, want)
		}
		if stale := named(alert.Build(p), "NfsStale"); known != (stale != nil) {
			t.Errorf("%s: %v", lines, stale)
		}
	}
}

// TestStaleAfterOfCopies: a copy of a snapshot bears the snapshot's time, and is that
// old on its first day; all is well meanwhile.
func TestStaleAfterOfCopies(t *testing.T) {
	for _, c := range []struct {
		snapshots, copies string
		want              time.Duration
	}{
		{"*-*-* 03:00", "*-*-* 05:00", 32*hour + 30*time.Minute},
		{"*-*-* 03:00", "*-*-* 03:00", 30 * hour},
		{"*-*-* 03:00", "hourly", 30 * hour},
		{"Sun *-*-* 03:00", "*-*-* 05:00", 8*day + 2*hour},
		{"hourly", "Sun *-*-* 05:00", 8 * day},
	} {
		p := loadText(t, fmt.Sprintf(`
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "*"
}
destination "disk" "sda" { path = "/mnt/backup" }
layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = %q
  retention { keep_last = 3 }
}
layer "files" "copies" {
  from      = layer.snapshots
  to        = destination.sda
  directory = "copies"
  version   = "%%Y-%%m-%%d"
  schedule  = %q
  retention { keep_last = 3 }
}
`, c.snapshots, c.copies))
		if late, _ := alert.StaleAfter(p, p.Layers[1]); late != c.want {
			t.Errorf("%s of %s: %v, want %v", c.copies, c.snapshots, late, c.want)
		}
	}
}
