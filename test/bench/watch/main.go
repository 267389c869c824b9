// Command watch times how long it takes until a tree is followed, by bkplan's watcher and
// by `inotifywait -m -r`, how much memory that takes, and what is missed when a file is
// made in every folder at once. It prints a table for docs/benchmarks.md.
// BKPLAN_BENCH_FOLDERS says how many folders, "100000" if it is not set.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers/journal"
	"github.com/bkplan/bkplan/internal/watch"
	"github.com/bkplan/bkplan/test/bench/plant"
)

const host = "bench"

func main() {
	log.SetFlags(0)
	if len(os.Args) == 4 {
		follow(os.Args[1], os.Args[2], os.Args[3])
		return
	}
	folders, err := strconv.Atoi(cmp.Or(os.Getenv("BKPLAN_BENCH_FOLDERS"), "100000"))
	plant.Check(err)
	fmt.Println("| folders | watcher | seconds until it follows | memory | changes | seen |")
	fmt.Println("|---|---|---|---|---|---|")
	for method := range methods {
		measure(folders, "bkplan watch, by "+method, byJournal(method))
	}
	if _, err := exec.LookPath("inotifywait"); err == nil {
		measure(folders, "inotifywait -m -r", byInotifywait)
	}
}

// methods are the ways in which bkplan can follow a tree.
var methods = map[string]watch.Method{"fanotify": watch.Fanotify, "inotify": watch.Inotify}

// follow is the watcher of another process, until its stdin ends.
func follow(tree, state, method string) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	plant.Check(watch.Run(ctx, watch.Config{
		StateDir: state, Host: host, Trees: []watch.Tree{{Path: tree}}, Now: time.Now,
		Method: methods[method], Log: func(string) {}, Ready: func() { fmt.Println("ready") },
	}))
}

// watcher follows a tree: it returns when it does, and seen tells how many of so many
// changes it saw.
type watcher func(dir string) (pid int, seen func(changes int) int, stop func())

func measure(folders int, name string, start watcher) {
	dir, err := os.MkdirTemp("", "bkplan-bench")
	plant.Check(err)
	defer os.RemoveAll(dir)
	at := func(n int) string { return filepath.Join(dir, "tree", strconv.Itoa(n/1000), strconv.Itoa(n%1000)) }
	for n := range folders {
		plant.Check(os.MkdirAll(at(n), 0o755))
	}
	began := time.Now()
	pid, seen, stop := start(dir)
	took := time.Since(began).Seconds()
	for n := range folders {
		plant.Check(os.WriteFile(filepath.Join(at(n), "new"), nil, 0o644))
	}
	count := seen(folders)
	fmt.Printf("| %d | `%s` | %.2f | %d MB | %d | %d |\n", folders, name, took, peak(pid), folders, count)
	stop()
}

// peak is how much memory a process had at most, in MB.
func peak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	plant.Check(err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		log.Fatal("the kernel does not tell how much memory a process has")
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	plant.Check(err)
	return kilobytes >> 10
}

func byJournal(method string) watcher {
	return func(dir string) (int, func(int) int, func()) { return startWatch(dir, method) }
}

func startWatch(dir, method string) (int, func(int) int, func()) {
	tree, state := filepath.Join(dir, "tree"), filepath.Join(dir, "state")
	self, err := os.Executable()
	plant.Check(err)
	cmd := exec.Command(self, tree, state, method)
	stdin, err := cmd.StdinPipe()
	plant.Check(err)
	stdout, err := cmd.StdoutPipe()
	plant.Check(err)
	plant.Check(cmd.Start())
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		log.Fatalf("watch: %q, %v", line, err)
	}
	tracker := journal.Tracker{StateDir: state, Host: host}
	first, err := tracker.Prove(context.Background(), tree, plan.JournalPoint{}, nil)
	plant.Check(err)
	seen := func(int) int {
		told, err := tracker.Prove(context.Background(), tree, first.Until, nil)
		plant.Check(err)
		if told.Why != "" {
			log.Fatalf("the journal proves nothing: %s", told.Why)
		}
		return len(told.Names)
	}
	return cmd.Process.Pid, seen, func() { plant.Check(stdin.Close()); plant.Check(cmd.Wait()) }
}

// counter counts lines.
type counter struct {
	mu    sync.Mutex
	lines int
}

func (c *counter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines
}

func byInotifywait(dir string) (int, func(int) int, func()) {
	told := &counter{}
	cmd := exec.Command("inotifywait", "-m", "-r", "-e", "create", filepath.Join(dir, "tree"))
	cmd.Stdout = told
	stderr, err := cmd.StderrPipe()
	plant.Check(err)
	plant.Check(cmd.Start())
	for lines := bufio.NewScanner(stderr); lines.Scan() && !strings.Contains(lines.Text(), "established"); {
	}
	seen := func(changes int) int {
		last := -1
		for now := told.count(); now < changes && now != last; now = told.count() {
			last = now
			time.Sleep(2 * time.Second) // it has nothing to tell in that time, so it has told all
		}
		return told.count()
	}
	return cmd.Process.Pid, seen, func() {
		plant.Check(cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // it ends by the signal
	}
}
