package monitoring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/alert"
	"github.com/bkplan/bkplan/internal/dashboard"
	"github.com/bkplan/bkplan/internal/policy"
)

const twoLayers = `
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

destination "disk" "sda" { path = "/mnt/backup" }

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "*-*-* 03:00"
  alert {
    name  = "LVMSnapshot"
    stale = "30h"
    for   = "30m"
  }
}

layer "files" "weekly" {
  from      = layer.snapshots
  to        = destination.sda
  directory = "files"
  schedule  = "*-*-* 05:00"
  alert {
    name  = "WeeklyBackup"
    stale = "8d"
  }
}

alerts {
  severity = "critical"
  labels   = { channel = "backup" }
}
`

// rulesInSeconds are the rules of a policy, with the times shortened for which they
// wait and look back. How old something may be is as the policy says.
func rulesInSeconds(t *testing.T, text string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bkplan.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, found := policy.Load(path, policy.Options{})
	if len(found) > 0 {
		t.Fatal(found.Text(80))
	}
	rules := alert.Build(p)
	lookBack := regexp.MustCompile(`\[\d+[dhms]\]`)
	for _, g := range rules.Groups {
		for i := range g.Rules {
			g.Rules[i].For = min(g.Rules[i].For, time.Second)
			g.Rules[i].Expr = lookBack.ReplaceAllString(g.Rules[i].Expr, "[2s]")
		}
	}
	var out bytes.Buffer
	if err := rules.Encode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// layer is how one layer is when a run ends.
type layer struct {
	age time.Duration // of its last success
	ok  bool
}

// apply is a run that ends now, and leaves its metrics in the gateway: all that are
// there from before are replaced.
func apply(t *testing.T, gateway string, layers map[string]layer) {
	t.Helper()
	now := time.Now()
	var text strings.Builder
	fmt.Fprintf(&text, "%s %d\n", alert.LastRun, now.Unix())
	fmt.Fprintf(&text, "%s{pool=\"pve/data\"} 0.4\n%s{pool=\"pve/data\"} 0.2\n", alert.PoolDataUsed, alert.PoolMetadataUsed)
	fmt.Fprintf(&text, "%s{destination=\"sda\"} 1000\n%s{destination=\"sda\"} 600\n", alert.DestinationSize, alert.DestinationFree)
	for _, name := range slices.Sorted(maps.Keys(layers)) {
		l := layers[name]
		fmt.Fprintf(&text, "%s{layer=%q} %d\n", alert.LayerLastSuccess, name, now.Add(-l.age).Unix())
		fmt.Fprintf(&text, "%s{layer=%q} %d\n", alert.LayerLastRunSuccess, name, map[bool]int{true: 1}[l.ok])
	}
	if _, err := call(http.MethodPut, pushURL(gateway, "pve"), text.String()); err != nil {
		t.Fatal(err)
	}
}

// wants waits until exactly these alerts fire, and returns them.
func (p prometheus) wants(t *testing.T, names ...string) map[string]alertLine {
	t.Helper()
	var firing map[string]alertLine
	eventually(t, fmt.Sprintf("%q fire", names), func() (string, bool) {
		var err error
		firing, err = p.firing()
		have := slices.Sorted(maps.Keys(firing))
		return fmt.Sprint(have, err), err == nil && slices.Equal(have, names)
	})
	return firing
}

// TestAlertsTellTheTruth: a layer breaks, and its alert fires; it is mended, and the
// alert clears; bkplan is switched off altogether, and that alerts as well.
func TestAlertsTellTheTruth(t *testing.T) {
	Require(t, "prometheus", "prometheus-pushgateway")
	gateway := Gateway(t)
	fine := layer{time.Hour, true}
	apply(t, gateway, map[string]layer{"snapshots": fine, "weekly": fine})
	p := startPrometheus(t, gateway, rulesInSeconds(t, twoLayers))
	p.wants(t)

	apply(t, gateway, map[string]layer{"snapshots": fine, "weekly": {time.Hour, false}})
	firing := p.wants(t, "WeeklyBackupFailing weekly")["WeeklyBackupFailing weekly"]
	if firing.Labels["severity"] != "critical" || firing.Labels["channel"] != "backup" || firing.Labels["instance"] != "pve" {
		t.Errorf("labels %v", firing.Labels)
	}
	if text := firing.Annotations["description"]; !strings.Contains(text, "bkplan apply --layer 'weekly'") {
		t.Errorf("description %q", text)
	}

	apply(t, gateway, map[string]layer{"snapshots": {31 * time.Hour, false}, "weekly": {7 * 24 * time.Hour, true}})
	stale := p.wants(t, "LVMSnapshotFailing snapshots", "LVMSnapshotStale snapshots")["LVMSnapshotStale snapshots"]
	if text := stale.Annotations["summary"]; !strings.Contains(text, "1d 7h") {
		t.Errorf("summary %q", text)
	}

	apply(t, gateway, map[string]layer{"snapshots": fine, "weekly": fine})
	p.wants(t)

	apply(t, gateway, map[string]layer{"snapshots": fine})
	p.wants(t, "WeeklyBackupNeverRun weekly")

	if _, err := call(http.MethodDelete, pushURL(gateway, "pve"), ""); err != nil {
		t.Fatal(err)
	}
	p.wants(t, "BkplanSilent", "LVMSnapshotNeverRun snapshots", "WeeklyBackupNeverRun weekly")

	apply(t, gateway, map[string]layer{"snapshots": fine, "weekly": fine})
	p.wants(t)
}

// What rules and dashboard ask for is what bkplan documents, and so gives. The integrity
// of a password safe comes with layers that this version does not carry out.
func TestRulesAskForMetricsThatThereAre(t *testing.T) {
	p, found := policy.Load("../../examples/homelab.hcl", policy.Options{})
	if len(found) > 0 {
		t.Fatal(found.Text(80))
	}
	documented, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var asked bytes.Buffer
	if err := errors.Join(alert.Build(p).Encode(&asked), json.NewEncoder(&asked).Encode(dashboard.Build(p))); err != nil {
		t.Fatal(err)
	}
	names := slices.Compact(slices.Sorted(slices.Values(regexp.MustCompile(`\bbkplan_[a-z_]+`).FindAllString(asked.String(), -1))))
	if len(names) < 20 {
		t.Fatalf("only %q are asked for", names)
	}
	for _, name := range names {
		if name != alert.LayerIntegrity && !bytes.Contains(documented, []byte("`"+name+"`")) {
			t.Errorf("%s is asked for, and docs/metrics.md does not know it", name)
		}
	}
}
