package cli_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bkplan/bkplan/internal/cli"
	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/providers/disk"
	"github.com/bkplan/bkplan/test/monitoring"
	"github.com/bkplan/bkplan/test/nas"
	"github.com/bkplan/bkplan/test/pmxcfs"
)

var update = flag.Bool("update", false, "write what commands print into the scripts")

// TestMain is also the programs that the scripts run: bkplan with a fixed
// clock, and LVM's with a pool in a file.
func TestMain(m *testing.M) {
	pmxcfs.Main()
	testscript.Main(m, map[string]func(){
		"bkplan": func() { os.Exit(cli.Main(os.Args[1:], testApp())) },
		"vgs":    pretendLVM("vgs"), "lvs": pretendLVM("lvs"),
		"lvcreate": pretendLVM("lvcreate"), "lvremove": pretendLVM("lvremove"),
	})
}

// TestScripts runs testdata/script. A script finds bkplan, but no LVM until it
// says `pool`, and a policy that needs no more than that in policy.hcl.
func TestScripts(t *testing.T) {
	bkplan, err := findProgram("bkplan")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error { return setUp(env, bkplan) },
		Cmds:  verbs, Condition: condition,
	})
}

// condition knows [root], [fuse] where one can mount by it, [nas] and [pushgateway] where one
// can be started, [host-policy] where /etc has one, and [systemd] where that runs.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "fuse":
		return pmxcfs.Missing() == "", nil
	case "nas":
		return nas.Missing("") == "", nil
	case "systemd":
		_, err := os.Stat("/run/systemd/system")
		return err == nil, nil
	case "pushgateway":
		return monitoring.Missing("prometheus-pushgateway") == "", nil
	case "host-policy":
		_, err := os.Stat("/etc/bkplan/bkplan.hcl")
		return err == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

func findProgram(name string) (string, error) {
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("find %s: %w", name, os.ErrNotExist)
}

// scriptNow is the scripts' clock, unless they set another.
const scriptNow = "2026-11-24T03:10:00+02:00"

const scriptPolicy = `bkplan {
  timezone  = "Europe/Sofia"
  state_dir = %q
}

source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "*-*-* 03:00"
  retention { keep_last = 2 }
}
`

func setUp(env *testscript.Env, bkplan string) error {
	programs := filepath.Join(env.WorkDir, ".bin")
	if err := errors.Join(os.MkdirAll(programs, 0o700), os.MkdirAll(filepath.Join(env.WorkDir, "lvm"), 0o700)); err != nil {
		return err
	}
	env.Setenv("PATH", filepath.Join(env.WorkDir, "lvm")+":"+programs+":/usr/bin:/bin")
	env.Setenv("BKPLAN_TEST_NOW", scriptNow)
	env.Setenv("BKPLAN_TEST_HOST", "pve")
	env.Setenv("POOL", filepath.Join(env.WorkDir, "pool.json"))
	policy := fmt.Appendf(nil, scriptPolicy, filepath.Join(env.WorkDir, "state"))
	return errors.Join(
		os.Symlink(bkplan, filepath.Join(programs, "bkplan")),
		os.WriteFile(filepath.Join(env.WorkDir, "policy.hcl"), policy, 0o600),
	)
}

// testApp is this machine with the clock, name and patience that the
// environment gives it.
func testApp() *cli.App {
	app := cli.System()
	now, err := time.Parse(time.RFC3339, os.Getenv("BKPLAN_TEST_NOW"))
	if err != nil {
		panic(err)
	}
	app.Now = func() time.Time { return now }
	app.Hostname = func() (string, error) { return os.Getenv("BKPLAN_TEST_HOST"), nil }
	app.Sleep = func(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }
	app.Journal = os.Getenv("BKPLAN_TEST_JOURNAL")
	if text := os.Getenv("BKPLAN_TEST_LIMIT"); text != "" {
		limit, err := time.ParseDuration(text)
		if err != nil {
			panic(err)
		}
		app.Runner = impatient{app.Runner, limit}
	}
	if text := os.Getenv("BKPLAN_TEST_PATIENCE"); text != "" {
		look, err := time.ParseDuration(text)
		if err != nil {
			panic(err)
		}
		app.Patience = disk.Patience{Look: look, Copy: 5 * look, Stop: look}
		app.Runner = execx.NewHasty(look/5, look/5)
	}
	return app
}

// impatient shortens every command's limit.
type impatient struct {
	runner execx.Runner
	limit  time.Duration
}

func (i impatient) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	c.Timeout = min(c.Timeout, i.limit)
	return i.runner.Run(ctx, c)
}

// TestEveryScriptSaysWhy: a script begins with what went wrong, or with what
// it promises.
func TestEveryScriptSaysWhy(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s does not begin with a comment", path)
		}
	}
}
