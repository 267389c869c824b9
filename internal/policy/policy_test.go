package policy

import (
	"os"
	"path/filepath"
	"testing"
)

func TestValidPolicies(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/policy/valid/*")
	if err != nil || len(paths) < 2 {
		t.Fatal("no policies found", err)
	}
	for _, path := range append(paths, "../../examples/homelab.hcl") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			p, found := Load(path, Options{})
			if len(found) > 0 {
				t.Errorf("valid policy is not without diagnostics:\n%s", found.Text(80))
			}
			if p.Digest == "" {
				t.Error("no digest")
			}
		})
	}
}

func TestExampleWithItsValues(t *testing.T) {
	p, found := Load("../../examples/homelab.hcl", Options{VarFiles: []string{"../../examples/homelab.vars.hcl"}})
	if len(found) > 0 {
		t.Fatalf("unexpected diagnostics:\n%s", found.Text(80))
	}
	if want := "http://pushgateway.lan:9091"; p.Metrics.Pushgateway.URL != want {
		t.Errorf("pushgateway is %q, want %q", p.Metrics.Pushgateway, want)
	}
}

func TestExamplesAreFormatted(t *testing.T) {
	for _, path := range []string{"../../examples/homelab.hcl", "../../examples/homelab.vars.hcl"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if formatted, _ := Format(text, path); string(formatted) != string(text) {
			t.Errorf("%s is not as `bkplan fmt` would write it", path)
		}
	}
}
