// Command journal times what has to be done before the changed files of a large tree
// can be sent to its mirror: by the change journal, and by `rsync -an`, which compares
// everything. Both are on this machine, in one run, on the same trees. It prints a
// table for docs/benchmarks.md. BKPLAN_BENCH_FILES says how many files, "1000000" if it
// is not set; a thousand of them are changed.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers/journal"
	"github.com/bkplan/bkplan/internal/schedule"
	"github.com/bkplan/bkplan/internal/selection"
	"github.com/bkplan/bkplan/internal/watch"
	"github.com/bkplan/bkplan/test/bench/plant"
)

// changed is how many files change between two syncs.
const changed = 1000

const host = "bench"

func main() {
	log.SetFlags(0)
	fmt.Println("| files | changed | step | seconds | against `rsync -an` |")
	fmt.Println("|---|---|---|---|---|")
	for _, files := range plant.Sizes(1_000_000) {
		measure(max(files, changed))
	}
}

type bench struct {
	tree, mirror, state string
	files               int
	whole               float64 // seconds that rsync takes for everything
}

func measure(files int) {
	dir, err := os.MkdirTemp("", "bkplan-bench")
	plant.Check(err)
	defer os.RemoveAll(dir)
	b := bench{tree: filepath.Join(dir, "tree"), mirror: filepath.Join(dir, "mirror"), state: filepath.Join(dir, "state"), files: files}
	for n := range files {
		plant.Check(plant.Write(b.tree, n, "first"))
	}
	b.rsync(nil, "-aH", b.tree+"/", b.mirror+"/")
	stop := b.follow()
	defer stop()
	ctx := context.Background()
	tracker := journal.Tracker{StateDir: b.state, Host: host}
	first, err := tracker.Prove(ctx, b.tree, plan.JournalPoint{}, nil)
	plant.Check(err)
	for n := range changed {
		plant.Check(plant.Write(b.tree, n*(files/changed), "another"))
	}
	b.compare(ctx, tracker, first.Until)
}

// compare times each step; what comes first has the trees in memory as what comes
// last.
func (b *bench) compare(ctx context.Context, tracker journal.Tracker, since plan.JournalPoint) {
	everything := func() { b.rsync(nil, "-aHn", "--delete", b.tree+"/", b.mirror+"/") }
	everything()
	b.whole = seconds(everything)
	b.row("`rsync -aHn --delete`, everything", b.whole)
	_, err := tracker.Prove(ctx, b.tree, since, nil) // bkplan watch writes all down, sooner or later
	plant.Check(err)
	b.row("plan: read the journal, `plan.Build`", seconds(func() { b.plan(tracker, since) }))
	var selected selection.Selection
	b.row("apply: flush and prove the journal, select", seconds(func() {
		told, err := tracker.Prove(ctx, b.tree, since, nil)
		plant.Check(err)
		if told.Why != "" {
			log.Fatalf("the journal proves nothing: %s", told.Why)
		}
		selected, err = selection.Of(ctx, b.tree, told.Names, told.Subtrees)
		plant.Check(err)
	}))
	if selected.Len() < changed {
		log.Fatalf("only %d names are selected", selected.Len())
	}
	words := append(append([]string{"-aHn", "--delete"}, selection.Words()...), b.tree+"/", b.mirror+"/")
	b.row("apply: rsync of what is selected, `-n`", seconds(func() { b.rsync(selected.Names(), words...) }))
}

// plan is what `bkplan plan` does of this once it has heard of the NAS.
func (b *bench) plan(tracker journal.Tracker, since plan.JournalPoint) {
	now := time.Now()
	every, err := schedule.Parse("*-*-* *:*:00")
	plant.Check(err)
	source := plan.Ref{Type: "source", Kind: plan.SourceDirectory, Name: "nfs"}
	nas := plan.Destination{Kind: plan.DestinationSSH, Name: "nas", Path: "/volume1/Backup", Address: "nas"}
	p := plan.Policy{
		Sources:      []plan.Source{{Kind: source.Kind, Name: source.Name, Directory: &plan.DirectorySource{Path: b.tree}}},
		Destinations: []plan.Destination{nas},
		Layers:       []plan.Layer{{Kind: plan.LayerSync, Name: "nfs", From: source, To: nas.Ref(), Directory: "nfs", Schedule: every, TrackChanges: true}},
	}
	told, err := tracker.Look(context.Background(), b.tree, since, nil)
	plant.Check(err)
	last := plan.Receipt{Layer: "nfs", Volume: "nfs", Path: "nfs", Started: now.Add(-time.Hour), Full: now.Add(-time.Hour), Journal: &since}
	o := plan.Observation{
		Time: now, Trees: []plan.Tree{{Path: b.tree, Children: []plan.Child{{Name: "0", Type: plan.EntryFolder}}}},
		Disks:   []plan.Disk{{Path: nas.Path, Address: nas.Address, Receipts: []plan.Receipt{last}, FileSystem: plan.FileSystem{MountPoint: "/volume1", Size: 1 << 40, Free: 1 << 39}}},
		Changes: []plan.Changes{{Layer: "nfs", Since: since, Names: len(told.Names), Subtrees: len(told.Subtrees), Why: told.Why, Amount: told.Amount}},
	}
	built := plan.Build(p, o, now, plan.Options{})
	if len(told.Names) < changed || len(built.Actions) != 1 || built.Actions[0].Copy.Since == nil {
		log.Fatalf("the plan does not go by the journal: %+v", built)
	}
}

// follow watches the tree, and returns when that is so.
func (b *bench) follow() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- watch.Run(ctx, watch.Config{
			StateDir: b.state, Host: host, Trees: []watch.Tree{{Path: b.tree}}, Now: time.Now,
			Log: func(string) {}, Ready: func() { close(ready) },
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		log.Fatalf("watch: %v", err)
	}
	return func() {
		cancel()
		plant.Check(<-ended)
	}
}

func (b *bench) rsync(stdin []byte, words ...string) {
	cmd := exec.Command("rsync", words...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), os.Stderr
	if err := cmd.Run(); err != nil {
		log.Fatalf("rsync %q: %v", words, err)
	}
}

func (b *bench) row(step string, took float64) {
	fmt.Printf("| %d | %d | %s | %.3f | %.4f |\n", b.files, changed, step, took, took/b.whole)
}

func seconds(do func()) float64 {
	began := time.Now()
	do()
	return time.Since(began).Seconds()
}
