// Command offsite times how the newest week of a backup disk gets to a NAS that has the
// weeks before: by bin/bkplan, which sends the week, and by `rsync -aH` of all weeks,
// which must compare all of them. Both go through a real sshd on loopback, in one run,
// from the same disk. It prints a table for docs/benchmarks.md. BKPLAN_BENCH_FILES says
// how many files a week has, "250000" if it is not set; one in a hundred changes from
// week to week.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bkplan/bkplan/test/bench/plant"
	"github.com/bkplan/bkplan/test/nas"
)

// weeks is how many the disk has; the last is on no NAS yet.
const weeks = 4

func main() {
	log.SetFlags(0)
	if why := nas.Missing(""); why != "" {
		log.Fatal(why)
	}
	fmt.Println("| files a week | weeks | tool | seconds | against rsync | sent | processor seconds here | peak memory here |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, files := range plant.Sizes(250_000) {
		plant.Check(measure(files))
	}
}

type bench struct {
	dir   string
	files int
	far   *nas.NAS
	whole float64 // seconds that rsync takes
}

func measure(files int) (err error) {
	dir, err := os.MkdirTemp("", "bkplan-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := bench{dir: dir, files: files}
	if err := os.Mkdir(b.at("nas"), 0o755); err != nil {
		return err
	}
	b.far, err = nas.Start(b.at("nas"), "")
	defer func() { err = errors.Join(err, b.far.Close()) }()
	if err != nil {
		return err
	}
	if err := b.prepare(); err != nil {
		return err
	}
	farm := b.far.User + "@nas:" + b.far.At("farm") + "/"
	b.row("`rsync -aH` of all weeks", b.run("rsync", "-aH", "--delete", "--stats", b.at("disk/weeks")+"/", farm))
	b.row("`bkplan apply`", b.run(b.bkplan("offsite")...))
	return b.same()
}

func (b *bench) at(name string) string { return filepath.Join(b.dir, name) }

// prepare makes the weeks, and lets both tools send all but the last.
func (b *bench) prepare() error {
	errs := []error{os.Setenv("PATH", b.far.At("bin")+":"+os.Getenv("PATH")), os.Mkdir(b.at("disk"), 0o755), b.policy()}
	for week := range weeks {
		for n := range b.files {
			if week == 0 || n%100 == week {
				errs = append(errs, plant.Write(b.at("live"), n, strings.Repeat(fmt.Sprintf("week %d of %d\n", week, n), 1+n%100)))
			}
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if week == weeks-1 {
			b.run("rsync", "-aH", b.at("disk/weeks")+"/", b.far.At("farm")+"/")
		}
		b.run(b.bkplan("weekly")...)
		if week < weeks-1 {
			b.run(b.bkplan("offsite")...)
		}
	}
	return nil
}

// policy makes a version, and sends it, whenever it is asked to.
func (b *bench) policy() error {
	return os.WriteFile(b.at("bkplan.hcl"), fmt.Appendf(nil, `
bkplan {
  timezone  = "UTC"
  state_dir = "%[1]s/state"
}
source "directory" "live" { path = "%[1]s/live" }
destination "disk" "disk" { path = "%[1]s/disk" }
destination "ssh" "nas" {
  address = "nas"
  path    = "%[2]s"
}
layer "files" "weekly" {
  from      = source.live
  to        = destination.disk
  directory = "weeks"
  version   = "%%Y-%%m-%%d_%%H%%M%%S"
  schedule  = "*-*-* *:*:*"
}
layer "sync" "offsite" {
  from      = destination.disk
  to        = destination.nas
  directory = "copy"
  schedule  = "*-*-* *:*:*"
}
`, b.dir, b.far.Share), 0o600)
}

func (b *bench) bkplan(layer string) []string {
	return []string{"bin/bkplan", "apply", "--auto-approve", "-f", b.at("bkplan.hcl"), "--layer", layer}
}

// same fails unless both have the last week over there.
func (b *bench) same() error {
	for _, there := range []string{b.far.At("farm"), filepath.Join(b.far.Share, "copy/weeks")} {
		out, err := exec.Command("rsync", "-aHn", "--delete", "--omit-dir-times", "--itemize-changes", b.at("disk/weeks")+"/", there+"/").CombinedOutput()
		if err != nil || len(out) > 0 {
			return fmt.Errorf("%s is not what is on the disk: %w: %.300s", there, err, out)
		}
	}
	return nil
}

// usage is what a command took, and said.
type usage struct {
	seconds, processor float64
	memory             int64 // bytes, of its largest process
	output             string
}

func (b *bench) run(argv ...string) usage {
	var output strings.Builder
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&output), os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		log.Fatalf("%q: %v\n%s", argv, err, output.String())
	}
	took := time.Since(began).Seconds()
	s := cmd.ProcessState
	return usage{took, (s.UserTime() + s.SystemTime()).Seconds(), s.SysUsage().(*syscall.Rusage).Maxrss * 1024, output.String()}
}

// sentWords are how the tools tell what they sent.
var sentWords = regexp.MustCompile(`Total bytes sent: [\d,]+|[\d.]+ [KM]iB sent`)

func (b *bench) row(name string, u usage) {
	if b.whole == 0 {
		b.whole = u.seconds
	}
	sent := sentWords.FindString(u.output)
	fmt.Printf("| %s | %d | %s | %.2f | %.3f | %s | %.2f | %d MB |\n",
		strconv.Itoa(b.files), weeks, name, u.seconds, u.seconds/b.whole, strings.TrimPrefix(sent, "Total bytes sent: "), u.processor, u.memory>>20)
}
