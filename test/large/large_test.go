// Package large holds one test: a volume of two million files, copied, refreshed,
// verified and pruned by the command itself. It takes many minutes, so `make
// test-large` is what runs it.
package large

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/cli"
	"github.com/bkplan/bkplan/internal/tree"
)

// The volume: one folder holds a tenth of it, as a mail store or a cache may have,
// and every tenth file has content.
const (
	defaultFiles = 2_000_000
	perFolder    = 1000
	most         = 200 << 20 // bytes of memory that bkplan may use
)

const policy = `bkplan {
  timezone  = "UTC"
  state_dir = "%[1]s/state"
}
source "directory" "live" { path = "%[1]s/live" }
destination "disk" "disk" { path = "%[1]s/backup" }
layer "files" "weekly" {
  from      = source.live
  to        = destination.disk
  directory = "copies"
  version   = "%%Y-%%W"
  schedule  = "*-*-* 05:00"
  retention { keep_last = 1 }
}
`

// TestMain is also bkplan, at a fixed time. At its end it tells how much memory it
// used at most.
func TestMain(m *testing.M) {
	now, err := time.Parse(time.RFC3339, os.Getenv("BKPLAN_LARGE_NOW"))
	if err != nil {
		os.Exit(m.Run())
	}
	app := cli.System()
	app.Now = func() time.Time { return now }
	code := cli.Main(os.Args[1:], app)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil || os.WriteFile(os.Getenv("BKPLAN_LARGE_PEAK"), status, 0o600) != nil {
		code = 70
	}
	os.Exit(code)
}

func TestTwoMillionFiles(t *testing.T) {
	if os.Getenv("BKPLAN_LARGE") == "" {
		t.Skip("takes many minutes and some gigabytes in TMPDIR: set BKPLAN_LARGE=1, or run `make test-large`")
	}
	w := newWorld(t)
	w.timed("make the volume", w.plant)
	w.bkplan("2026-11-24T06:00:00Z", "copy", "apply", "--auto-approve")
	w.bkplan("2026-11-25T06:00:00Z", "refresh, unchanged", "apply", "--auto-approve")
	w.expect("2026-47", true)
	w.bkplan("2026-11-25T06:00:00Z", "verify", "verify")
	w.bkplan("2026-11-25T06:00:00Z", "verify --data", "verify", "--data")
	w.bkplan("2026-12-01T06:00:00Z", "next version, and prune", "apply", "--auto-approve", "--acknowledge-prunes", "weekly")
	w.expect("2026-48", true)
	w.expect("2026-47", false)
	w.bkplan("2026-12-01T06:00:00Z", "plan", "plan", "--detailed-exitcode")
}

// world is the volume and its copies, in a folder of their own.
type world struct {
	t     *testing.T
	dir   string
	files int
}

func newWorld(t *testing.T) *world {
	files := defaultFiles
	if text := os.Getenv("BKPLAN_LARGE_FILES"); text != "" {
		var err error
		if files, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "bkplan-large")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tree.Remove(context.WithoutCancel(t.Context()), dir); err != nil {
			t.Error(err)
		}
	})
	need(t, dir, files)
	err = errors.Join(os.Mkdir(filepath.Join(dir, "backup"), 0o700),
		os.WriteFile(filepath.Join(dir, "bkplan.hcl"), fmt.Appendf(nil, policy, dir), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, dir, files}
}

// need skips the test where the volume and a copy do not fit.
func need(t *testing.T, dir string, files int) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	bytes, inodes := uint64(files)*2<<10, uint64(files)*5/2
	if free := fs.Bavail * uint64(fs.Bsize); free < bytes {
		t.Skipf("needs %d MB in TMPDIR, and there are %d", bytes>>20, free>>20)
	}
	if fs.Files > 0 && fs.Ffree < inodes {
		t.Skipf("needs %d inodes in TMPDIR, and there are %d", inodes, fs.Ffree)
	}
}

func (w *world) plant() error {
	var group errgroup.Group
	group.SetLimit(2)
	for first := 0; first < w.files; first += perFolder {
		group.Go(func() error { return w.plantFolder(first) })
	}
	return group.Wait()
}

// plantFolder makes the next files; those of the first tenth go into one folder.
func (w *world) plantFolder(first int) error {
	folder := filepath.Join(w.dir, "live", "wide")
	if first >= w.files/10 {
		folder = filepath.Join(w.dir, "live", strconv.Itoa(first/perFolder/100), strconv.Itoa(first/perFolder%100))
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for n := first; n < min(first+perFolder, w.files); n++ {
		var content string
		if n%10 == 0 {
			content = fmt.Sprintln("this is file", n)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("file-number-%d.txt", n)), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bkplan runs a command at a time of the policy's, and looks at the memory that it
// used.
func (w *world) bkplan(now, what string, argv ...string) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	peak := filepath.Join(w.dir, "peak")
	cmd := exec.CommandContext(w.t.Context(), self, append(argv, "-f", filepath.Join(w.dir, "bkplan.hcl"))...)
	cmd.Env = append(os.Environ(), "BKPLAN_LARGE_NOW="+now, "BKPLAN_LARGE_PEAK="+peak)
	w.timed(what, func() error {
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	})
	if used := w.peak(peak); used > most {
		w.t.Errorf("%s: %d MB of memory, and %d is the most", what, used>>20, most>>20)
	} else {
		w.t.Logf("%s: %d MB of memory", what, used>>20)
	}
}

// peak is the largest resident size of the process whose status is in a file, in
// bytes.
func (w *world) peak(file string) int {
	w.t.Helper()
	status, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(text)[0])
			if err != nil {
				w.t.Fatal(err)
			}
			return kib << 10
		}
	}
	w.t.Fatal("the status of the process does not tell its memory")
	return 0
}

func (w *world) timed(what string, do func() error) {
	w.t.Helper()
	began := time.Now()
	if err := do(); err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	w.t.Logf("%s: %s", what, time.Since(began).Round(100*time.Millisecond))
}

// expect counts the files of a version, which is there or not.
func (w *world) expect(version string, there bool) {
	w.t.Helper()
	root := filepath.Join(w.dir, "backup", "copies", version)
	if _, err := os.Stat(root); (err == nil) != there {
		w.t.Fatalf("%s: %v", version, err)
	}
	if !there {
		return
	}
	n := 0
	err := filepath.WalkDir(root, func(_ string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil || n != w.files {
		w.t.Errorf("%s has %d files of %d: %v", version, n, w.files, err)
	}
}
