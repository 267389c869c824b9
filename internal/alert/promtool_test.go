package alert_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/alert"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/test/monitoring"
)

// promtool runs it in a folder.
func promtool(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// install writes the rules of a policy, and their tests, into a folder.
func install(t *testing.T, p plan.Policy) string {
	t.Helper()
	dir := t.TempDir()
	var tests bytes.Buffer
	if err := alert.EncodeTests(&tests, p, "bkplan.yml"); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "bkplan.yml", encode(t, alert.Build(p)))
	write(t, dir, "bkplan.test.yml", tests.Bytes())
	return dir
}

func write(t *testing.T, dir, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustPass(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := promtool(t, dir, args...); err != nil || strings.Contains(out, "FAILED") || strings.Contains(out, "duplicate") {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestPromtoolChecks: Prometheus loads what is written, and the tests that come
// with it pass.
func TestPromtoolChecks(t *testing.T) {
	monitoring.Require(t, "promtool")
	for name, p := range map[string]plan.Policy{
		"homelab": load(t, examplePolicy),
		"of a host": loadText(t, small+`alerts {
  instance = "pve"
  labels   = { team = "{{ evil }} \"quoted\" #", other = "{{{{`+"`"+`" }
  drift { kinds = ["orphaned"] }
  wrong_clock { for = "1h" }
  drill_overdue { after = "40d" }
}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := install(t, p)
			mustPass(t, dir, "check", "rules", "--lint-fatal", "bkplan.yml")
			mustPass(t, dir, "test", "rules", "bkplan.test.yml")
		})
	}
}

// TestGeneratedTestsNotice: tests that passed whatever the rules say would prove
// nothing.
func TestGeneratedTestsNotice(t *testing.T) {
	monitoring.Require(t, "promtool")
	dir := install(t, loadText(t, small))
	rules, err := os.ReadFile(filepath.Join(dir, "bkplan.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for n, change := range [][2]string{
		{"> 30 * 3600", "> 40 * 3600"},
		{`layer="weekly"}[30h]) == 0`, `layer="week"}[30h]) == 0`},
		{"absent(", "count("},
		{"humanizeDuration", "humanize"},
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			changed := strings.Replace(string(rules), change[0], change[1], 1)
			if changed == string(rules) {
				t.Fatalf("no %q in the rules", change[0])
			}
			write(t, dir, "bkplan.yml", []byte(changed))
			if out, err := promtool(t, dir, "test", "rules", "bkplan.test.yml"); err == nil {
				t.Errorf("%s instead of %s is not noticed:\n%s", change[1], change[0], out)
			}
		})
	}
}
