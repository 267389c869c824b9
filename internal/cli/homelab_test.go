package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/cli"
)

// TestRecordedHomelab plans the example policy against the observation that was
// recorded in the lab, which holds the reference homelab. What it shows is what
// a reviewer of a pull request sees; the night's are those of two hours later, when
// the copies on the backup disk are due.
func TestRecordedHomelab(t *testing.T) {
	const dir = "../../testdata/homelab"
	for file, args := range map[string][]string{
		"plan.txt":   {"plan"},
		"plan-v.txt": {"plan", "-v"},
		"plan.md":    {"plan", "--markdown"},
		"plan.json":  {"plan", "--json"},
		"night.txt":  {"plan", "--at", "2026-11-24 05:10"},
		"night.md":   {"plan", "--at", "2026-11-24 05:10", "--markdown"},
		"drift.txt":  {"drift"},
		"drift.md":   {"drift", "--markdown"},
		"drift.json": {"drift", "--json"},

		"metrics.prom": {"metrics"},
	} {
		t.Run(file, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			app := &cli.App{
				Stdout: &stdout, Stderr: &stderr,
				Now: func() time.Time { t.Error("a recorded observation brings its own time"); return time.Time{} },
			}
			args = append(args, "-f", "../../examples/homelab.hcl", "--observed", filepath.Join(dir, "observation.json"))
			code := cli.Main(args, app)
			if want := map[bool]int{true: 2, false: 0}[args[0] == "drift"]; code != want || stderr.Len() > 0 {
				t.Fatalf("exit %d, want %d: %s", code, want, stderr.String())
			}
			compareGolden(t, filepath.Join(dir, file), stdout.Bytes())
		})
	}
}

func compareGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
