// Command catalogue times how long it takes to find what has changed in a large tree
// since its last sync, when no change journal tells: by the catalogue of that sync, and
// by `rsync -an` against an identical copy on this machine, in one run, on the same
// trees. It prints a table for docs/benchmarks.md. BKPLAN_BENCH_FILES says how many
// files, "1000000" if it is not set; none and then a thousand of them are changed.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/bkplan/bkplan/internal/catalogue"
	"github.com/bkplan/bkplan/test/bench/plant"
)

// changed is how many files change between two syncs.
const changed = 1000

// compareWord makes this program compare and end, so that its memory can be measured.
const compareWord = "compare"

// first stands for the number of changes that the first sync finds.
const first = "all"

func main() {
	log.SetFlags(0)
	if len(os.Args) == 5 && os.Args[1] == compareWord {
		compare(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	fmt.Println("| files | changed | tool | seconds | times as fast as rsync | peak memory | catalogue |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, files := range plant.Sizes(1_000_000) {
		measure(max(files, changed))
	}
}

// began is when the first sync of a tree is said to have begun: so late that all of it
// is believed, as it is a day after it was written.
var began = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func syncs(tree string, n int) catalogue.Sync {
	return catalogue.Sync{Layer: "nfs", Tree: tree, Mount: "/", Started: began.Add(time.Duration(n) * time.Hour)}
}

func measure(files int) {
	dir, err := os.MkdirTemp("", "bkplan-bench")
	plant.Check(err)
	defer os.RemoveAll(dir)
	tree, mirror, state := filepath.Join(dir, "tree"), filepath.Join(dir, "mirror"), filepath.Join(dir, "state")
	for n := range files {
		plant.Check(plant.Write(tree, n, "first"))
	}
	run("rsync", "-aH", tree+"/", mirror+"/")
	run(os.Args[0], compareWord, state, tree, first)
	for _, some := range []int{0, changed} {
		for n := range some {
			plant.Check(plant.Write(tree, n*(files/changed), "another"))
		}
		var whole, ours []float64
		var memory int64
		for range 3 { // by turns, so that both have the same to suffer from others
			seconds, _ := run("rsync", "-aHn", "--delete", tree+"/", mirror+"/")
			whole = append(whole, seconds)
			seconds, peak := run(os.Args[0], compareWord, state, tree, strconv.Itoa(some))
			ours, memory = append(ours, seconds), max(memory, peak)
		}
		found, err := filepath.Glob(state + "/catalogue/*/*.listing")
		plant.Check(err)
		info, err := os.Stat(found[0])
		plant.Check(err)
		fmt.Printf("| %d | %d | `rsync -aHn --delete` | %.2f | 1.0 |  |  |\n", files, some, median(whole))
		fmt.Printf("| %d | %d | catalogue | %.2f | %.1f | %d MB | %.1f MB |\n", files, some, median(ours), median(whole)/median(ours), memory>>10, float64(info.Size())/1e6)
	}
}

// compare is one sync up to what is sent. It does not become the last one, so that each
// try does the same; the first one, which is to find all, does.
func compare(state, tree, want string) {
	store := catalogue.Store{StateDir: state, Host: "bench"}
	if want == first {
		_, kept, err := store.Compare(context.Background(), catalogue.Sync{}, syncs(tree, 0))
		plant.Check(err)
		plant.Check(kept.Keep(nil, nil, false))
		return
	}
	found, _, err := store.Compare(context.Background(), syncs(tree, 0), syncs(tree, 1))
	plant.Check(err)
	if n := strconv.Itoa(len(found.Names)); found.Why != "" || n != want {
		log.Fatalf("%s names are told, and should be %s; %s", n, want, found.Why)
	}
}

// run runs a program, and tells how many seconds it took and its peak memory in KiB.
func run(argv ...string) (float64, int64) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		log.Fatalf("%q: %v", argv, err)
	}
	return time.Since(began).Seconds(), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
