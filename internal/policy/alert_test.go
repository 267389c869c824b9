package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

const alerting = small + `
destination "disk" "dumps" { path = "/srv/dumps" }

source "vaultwarden" "safe" { volume = "vaultwarden/data" }

layer "sqlite" "safe" {
  from      = source.safe
  to        = destination.dumps
  directory = "safe"
  schedule  = "00/6:00"
  alert {
    name     = "Safe"
    stale    = "2d"
    for      = "30m"
    severity = "critical"
    labels   = { channel = "safe" }
  }
  integrity {
    schedule = "hourly"
    alert { name = "SafeIsDamaged" }
  }
}

alerts {
  severity = "warning"
  labels   = { channel = "backup", team = "home lab {{ x }}" }
  instance = "pve"
  silent { after = "26h" }
  pool_low {
    name = "Low"
    free = "12.5%"
  }
  disk_full { used = "90%" }
  disk_filling { within = "7d" }
  capacity_unknown { for = "2h" }
  unprotected { severity = "info" }
  no_version { for = "3d" }
  suspect { name = "Suspect" }
  drift { kinds = ["orphaned", "stale"] }
  wrong_clock { labels = { channel = "ops" } }
  drill_overdue { after = "100d" }
  drill_failed { severity = "info" }
}
`

func TestAlerts(t *testing.T) {
	p := mustLoad(t, alerting)
	share := func(text string) quantity.Share {
		s, err := quantity.ParseShare(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := plan.Alerts{
		Severity: "warning", Labels: map[string]string{"channel": "backup", "team": "home lab {{ x }}"}, Instance: "pve",
		Silent:          plan.Alert{Age: quantity.Duration{Hours: 26}},
		PoolLow:         plan.Alert{Name: "Low", Share: share("12.5%")},
		DiskFull:        plan.Alert{Share: share("90%")},
		DiskFilling:     plan.Alert{Age: quantity.Duration{Days: 7}},
		CapacityUnknown: plan.Alert{For: quantity.Duration{Hours: 2}},
		Unprotected:     plan.Alert{Severity: "info"},
		NoVersion:       plan.Alert{For: quantity.Duration{Days: 3}},
		Suspect:         plan.Alert{Name: "Suspect"},
		Drift:           plan.Alert{Kinds: []string{"orphaned", "stale"}},
		WrongClock:      plan.Alert{Labels: map[string]string{"channel": "ops"}},
		DrillOverdue:    plan.Alert{Age: quantity.Duration{Days: 100}},
		DrillFailed:     plan.Alert{Severity: "info"},
	}
	exact := cmp.Options{cmp.AllowUnexported(quantity.Share{}), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(want, p.Alerts, exact); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	layer, _ := p.Layer("safe")
	wantLayer := plan.Alert{
		Name: "Safe", Severity: "critical", Labels: map[string]string{"channel": "safe"},
		For: quantity.Duration{Minutes: 30}, Age: quantity.Duration{Days: 2},
	}
	if diff := cmp.Diff(wantLayer, layer.Alert, exact); diff != "" {
		t.Errorf("layer (-want +got):\n%s", diff)
	}
	if layer.IntegrityAlert.Name != "SafeIsDamaged" {
		t.Errorf("integrity: %+v", layer.IntegrityAlert)
	}
}

// TestDigestWithoutAlerts: plans that were saved before the language had alerts can
// still be applied.
func TestDigestWithoutAlerts(t *testing.T) {
	const before = "sha256:eff5801f52249d478cdef4154e703f6c98afb85c0e6f03dfd5d8fd9bd39e8220"
	p := mustLoad(t, small)
	if p.Digest != before {
		t.Errorf("the digest of a policy without alerts is %s, and was %s", p.Digest, before)
	}
	for _, more := range []string{`alerts { severity = "critical" }`, `alerts { labels = { a = "b" } }`, "alerts {\n  drift { kinds = [\"stale\"] }\n}"} {
		if mustLoad(t, small+more).Digest == before {
			t.Errorf("%s: the digest is the same", more)
		}
	}
	if mustLoad(t, small+"alerts {}").Digest != before {
		t.Error("an empty block changes the digest")
	}
}
