package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
)

// metricsOf loads a policy with a metrics block.
func metricsOf(t *testing.T, block string) (plan.Metrics, Diagnostics) {
	t.Helper()
	minimal, err := os.ReadFile("../../testdata/policy/valid/minimal.hcl")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bkplan.hcl")
	if err := os.WriteFile(path, append(minimal, "\n"+block...), 0o600); err != nil {
		t.Fatal(err)
	}
	p, found := Load(path, Options{})
	return p.Metrics, found
}

func TestMetrics(t *testing.T) {
	for block, want := range map[string]plan.Metrics{
		`metrics {
			pushgateway {
				url           = "https://push.lan/prefix"
				username      = "bkplan"
				password_file = "/etc/bkplan/push"
				ca_file       = "/etc/bkplan/ca.pem"
				timeout       = "1m"
			}
			textfile { path = "/var/lib/node/bkplan.prom" }
			older_names = true
		}`: {
			Pushgateway: plan.Pushgateway{URL: "https://push.lan/prefix", Username: "bkplan", PasswordFile: "/etc/bkplan/push", CAFile: "/etc/bkplan/ca.pem", Timeout: time.Minute},
			Textfile:    "/var/lib/node/bkplan.prom", OlderNames: true,
		},
		`metrics {
			pushgateway { url = "http://[::1]:9091/" }
		}`: {Pushgateway: plan.Pushgateway{URL: "http://[::1]:9091/", Timeout: 10 * time.Second}},
		``: {},
	} {
		got, found := metricsOf(t, block)
		if diff := cmp.Diff(want, got); diff != "" || len(found) > 0 {
			t.Errorf("%s: %s%s", block, found.Text(80), diff)
		}
	}
}

func TestPasswordInClear(t *testing.T) {
	for at, warned := range map[string]bool{
		"http://push.lan": true, "http://10.0.20.100:30091": true, "https://push.lan": false,
		"http://localhost:9091": false, "http://127.0.0.1:9091": false, "http://[::1]:9091": false,
	} {
		_, found := metricsOf(t, "metrics {\n pushgateway {\n  url = \""+at+"\"\n  username = \"bkplan\"\n  password_file = \"/etc/bkplan/push\"\n }\n}\n")
		if found.HasErrors() || (len(found) > 0) != warned {
			t.Errorf("%s: %s", at, found.Text(80))
		}
	}
}

// Nothing that could be a secret is in a diagnostic, be it on the same line.
func TestSecretsOfAGatewayAreNotQuoted(t *testing.T) {
	for _, inside := range []string{
		`url = "http://bkplan:hunter2@push.lan"`, `url = "http://hunter2@push.lan"`, `url = "http://push.lan/?token=hunter2"`,
		`url = "http://push.lan/#hunter2"`, `url = "bkplan:hunter2@push.lan"`, `password = "hunter2"`,
	} {
		_, found := metricsOf(t, "metrics {\n  pushgateway {\n    "+inside+"\n  }\n}\n")
		text := found.Text(80)
		for _, d := range found {
			text += d.Snippet + d.Detail + d.Summary
		}
		if !found.HasErrors() || strings.Contains(text, "hunter2") {
			t.Errorf("%s:\n%s", inside, text)
		}
	}
}
