package monitoring

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// twoDirectories are copied whenever bkplan runs. An hour of the rules is some seconds.
const twoDirectories = `
bkplan {
  timezone  = "UTC"
  state_dir = "%[1]s/state"
}

source "directory" "live" { path = "%[1]s/live" }
source "directory" "other" { path = "%[1]s/other" }
destination "disk" "disk" { path = "%[1]s/disk" }

layer "files" "live" {
  from      = source.live
  to        = destination.disk
  directory = "live"
  version   = "%%Y-%%m-%%d_%%H%%M%%S"
  schedule  = "*-*-* *:*:*"
  retention { keep_last = 2 }
  alert { stale = "1h" }
}

layer "sync" "other" {
  from      = source.other
  to        = destination.disk
  directory = "other"
  schedule  = "*-*-* *:*:*"
  alert { stale = "1h" }
}

alerts {
  silent { after = "2h" }
}

metrics {
  pushgateway { url = "%[2]s" }
}
`

// homelab is a folder that bkplan itself looks after.
type homelab struct{ folder, bkplan, policy string }

func newHomelab(t *testing.T, gateway string) homelab {
	t.Helper()
	folder := t.TempDir()
	h := homelab{folder, filepath.Join(folder, "bkplan"), fmt.Sprintf(twoDirectories, folder, gateway)}
	for _, name := range []string{"live", "other", "disk"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
		h.write(t, filepath.Join(name, "file"), "content")
	}
	h.write(t, "bkplan.hcl", h.policy)
	build := exec.Command("go", "build", "-o", h.bkplan, "../../cmd/bkplan")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return h
}

func (h homelab) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (h homelab) rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(h.folder, from), filepath.Join(h.folder, to)); err != nil {
		t.Fatal(err)
	}
}

// apply runs bkplan, which must end as it should.
func (h homelab) apply(t *testing.T, exit int) {
	t.Helper()
	cmd := exec.Command(h.bkplan, "apply", "--auto-approve", "-f", filepath.Join(h.folder, "bkplan.hcl"))
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != exit {
		t.Fatalf("bkplan apply ended with %d, want %d:\n%s", got, exit, out)
	}
}

// about waits until exactly these alerts fire of those that are about the layers or
// bkplan itself; what disks the tests run on is no matter. each comes before each look.
func (p prometheus) about(t *testing.T, each func(), names ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%q fire", names), func() (string, bool) {
		each()
		firing, err := p.firing()
		have := slices.DeleteFunc(slices.Sorted(maps.Keys(firing)), func(name string) bool {
			return name != "BkplanSilent" && !strings.HasPrefix(name, "Live") && !strings.HasPrefix(name, "Other")
		})
		return fmt.Sprint(have, err), err == nil && slices.Equal(have, names)
	})
}

// TestBrokenLayerAlerts is TestAlertsTellTheTruth with what bkplan itself does and pushes.
func TestBrokenLayerAlerts(t *testing.T) {
	Require(t, "prometheus", "prometheus-pushgateway")
	gateway := Gateway(t)
	h := newHomelab(t, gateway)
	h.apply(t, 0)
	rules := bytes.ReplaceAll(rulesInSeconds(t, h.policy), []byte("* 3600"), []byte("* 8"))
	p := startPrometheus(t, gateway, rules)
	p.about(t, func() { h.apply(t, 0) })

	h.rename(t, "live", "gone") // the source is not there
	p.about(t, func() { h.apply(t, 1) }, "LiveFailing live", "LiveStale live")

	h.rename(t, "gone", "live")
	p.about(t, func() { h.apply(t, 0) })

	p.about(t, func() {}, "BkplanSilent", "LiveStale live", "OtherStale other") // nobody runs it any more
	p.about(t, func() { h.apply(t, 0) })
}
