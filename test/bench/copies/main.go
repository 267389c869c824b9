// Command copies times one more version of a volume that was copied before, by
// bin/bkplan and by the tools that people use for the same job, on the same
// trees in one run, and prints a table for docs/benchmarks.md. Run it by `make
// bench`; BKPLAN_BENCH_FILES says how many files, "100000 1000000" if it
// is not set. Tools that are not installed are left out.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bkplan/bkplan/test/bench/plant"
)

func main() {
	log.SetFlags(0)
	bkplan, err := filepath.Abs("bin/bkplan")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("| files | changed | job | tool | seconds | against the first | processor seconds | peak memory |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, files := range plant.Sizes(100_000, 1_000_000) {
		for _, percent := range []int{0, 1} {
			measure(bkplan, files, percent)
		}
	}
}

// measure makes a tree, lets each tool copy it once, changes some of it, and
// times the second copy; then it times how a version goes.
func measure(bkplan string, files, percent int) {
	dir, err := os.MkdirTemp("", "bkplan-bench")
	plant.Check(err)
	defer os.RemoveAll(dir)
	b := bench{dir: dir, bkplan: bkplan, label: fmt.Sprintf("%d | %d%%", files, percent)}
	plant.Check(b.plant(files))
	tools := b.tools()
	for _, t := range tools {
		b.run(t.first...)
	}
	plant.Check(b.change(files, percent))
	b.heading = "next version"
	b.best = 0
	for _, t := range tools {
		b.row(t.name, b.run(t.next...))
	}
	b.heading, b.best = "prune", 0
	b.row("rm -rf", b.run("rm", "-rf", filepath.Join(dir, "rsync-1")))
	plant.Check(b.policy("*-01-01 00:00", 1))
	b.row("bkplan", b.run(bkplan, "apply", "--auto-approve", "-f", filepath.Join(dir, "bkplan.hcl"), "--acknowledge-prunes", "copies"))
}

type bench struct {
	dir, bkplan, label, heading string
	best                        float64 // seconds of the first row of a heading
}

// tool is how a tool makes its first copy, and the next.
type tool struct {
	name        string
	first, next []string
}

func (b *bench) tools() []tool {
	at := func(name string) string { return filepath.Join(b.dir, name) }
	plant.Check(b.policy("*-*-* *:*:*", 10))
	apply := []string{b.bkplan, "apply", "--auto-approve", "-f", at("bkplan.hcl")}
	rsync := []string{"rsync", "-aHAXS", "--numeric-ids"}
	tools := []tool{
		{"rsync --link-dest", append(rsync, at("live")+"/", at("rsync-1")), append(rsync, "--link-dest="+at("rsync-1"), at("live")+"/", at("rsync-2"))},
		{"bkplan", apply, apply},
		{"cp -al", []string{"true"}, []string{"cp", "-al", at("rsync-1"), at("linked")}},
	}
	os.Setenv("RESTIC_PASSWORD", "bench")
	os.Setenv("BORG_BASE_DIR", at("borg-base"))
	for _, t := range []tool{
		{"restic backup", []string{"restic", "-q", "-r", at("restic"), "backup", at("live")}, []string{"restic", "-q", "-r", at("restic"), "backup", at("live")}},
		{"borg create", []string{"borg", "create", at("borg") + "::1", at("live")}, []string{"borg", "create", at("borg") + "::2", at("live")}},
	} {
		if _, err := exec.LookPath(t.first[0]); err == nil {
			tools = append(tools, t)
		}
	}
	if _, err := exec.LookPath("restic"); err == nil {
		b.run("restic", "-q", "-r", at("restic"), "init")
	}
	if _, err := exec.LookPath("borg"); err == nil {
		b.run("borg", "init", "-e", "none", at("borg"))
	}
	return tools
}

// policy keeps versions of the tree by a schedule.
func (b *bench) policy(schedule string, keep int) error {
	return os.WriteFile(filepath.Join(b.dir, "bkplan.hcl"), fmt.Appendf(nil, `
bkplan {
  timezone  = "UTC"
  state_dir = "%[1]s/state"
}
source "directory" "live" { path = "%[1]s/live" }
destination "disk" "disk" { path = "%[1]s/backup" }
layer "files" "copies" {
  from      = source.live
  to        = destination.disk
  directory = "copies"
  version   = "%%Y-%%m-%%d_%%H%%M%%S"
  schedule  = "%[2]s"
  retention { keep_last = %[3]d }
}
`, b.dir, schedule, keep), 0o600)
}

func (b *bench) plant(files int) error {
	if err := os.MkdirAll(filepath.Join(b.dir, "backup"), 0o700); err != nil {
		return err
	}
	for n := range files {
		if err := b.write(n, "first"); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) write(n int, word string) error {
	return plant.Write(filepath.Join(b.dir, "live"), n, strings.Repeat(word+" "+strconv.Itoa(n)+"\n", 1+n%100))
}

// change rewrites every so many files.
func (b *bench) change(files, percent int) error {
	if percent == 0 {
		return nil
	}
	for n := 0; n < files; n += 100 / percent {
		if err := b.write(n, "another"); err != nil {
			return err
		}
	}
	return nil
}

// usage is what a command took.
type usage struct {
	seconds   float64
	processor float64 // seconds of all cores, which a busy machine changes less
	memory    int64   // bytes, of its largest process
}

func (b *bench) run(argv ...string) usage {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		log.Fatalf("%q: %v", argv, err)
	}
	took := time.Since(began).Seconds()
	s := cmd.ProcessState
	return usage{took, (s.UserTime() + s.SystemTime()).Seconds(), s.SysUsage().(*syscall.Rusage).Maxrss * 1024}
}

func (b *bench) row(name string, u usage) {
	if b.best == 0 {
		b.best = u.seconds
	}
	fmt.Printf("| %s | %s | `%s` | %.2f | %.2f | %.2f | %d MB |\n", b.label, b.heading, name, u.seconds, u.seconds/b.best, u.processor, u.memory>>20)
}
