package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/journal"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/watch"
)

func newWatch(app *App) *cobra.Command {
	var o policyOptions
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow what changes in large trees, until it is stopped",
		Long: `Follow the directories that sync layers with "track_changes = true" read, and
write down which names change, below the state directory: all of them, or since
when and why not. A sync to a destination "ssh" then looks at those names only.
After a time in which this did not run, or when changes were missed for another
reason, the next sync compares everything, and says why.

It is meant to be run by systemd as a service of Type=notify. As root it follows
whole file systems; otherwise, or where that is not to be had, it watches each
folder.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return untilSignal(func(ctx context.Context) error { return app.watch(ctx, o) })
		},
	}
	o.flags(cmd)
	return exitCodes(cmd, "stopped by a signal", "")
}

func (a *App) watch(ctx context.Context, o policyOptions) error {
	p, err := a.load(o)
	if err != nil {
		return err
	}
	trees := trackedTrees(p)
	if len(trees) == 0 {
		return fail("set it in a sync layer that reads a directory", "there is nothing to follow: no layer has track_changes = true")
	}
	surviveBrokenPipe()
	_, host := a.host()
	var lines sync.Mutex
	err = watch.Run(ctx, watch.Config{
		StateDir: p.StateDir, Host: host, Trees: trees, Now: a.Now, Alive: newHeartbeat(a.Now, len(trees)).beat,
		Log: func(line string) {
			lines.Lock()
			defer lines.Unlock()
			fmt.Fprintln(a.Stderr, line)
		},
		Ready: func() {
			tellSystemd(daemon.SdNotifyReady + fmt.Sprintf("\nSTATUS=Watching %d trees", len(trees)))
		},
	})
	tellSystemd(daemon.SdNotifyStopping)
	if errors.Is(err, journal.ErrWatched) {
		return fail("stop the other \"bkplan watch\"", "%w", err)
	}
	return err
}

// tellSystemd does nothing without systemd. That it cannot be told is its own to
// notice.
func tellSystemd(state string) { _, _ = daemon.SdNotify(false, state) }

// trackedTrees are the directories to follow, each once, without the folders that
// no layer wants of them.
func trackedTrees(p plan.Policy) []watch.Tree {
	var trees []watch.Tree
	for _, l := range p.Layers {
		tree, ok := trackedTree(p, l)
		if !ok {
			continue
		}
		i := slices.IndexFunc(trees, func(t watch.Tree) bool { return t.Path == tree.Path })
		if i < 0 {
			trees = append(trees, tree)
			continue
		}
		trees[i].Exclude = slices.DeleteFunc(trees[i].Exclude, func(folder string) bool {
			return !slices.Contains(tree.Exclude, folder)
		})
	}
	return trees
}

func trackedTree(p plan.Policy, l plan.Layer) (watch.Tree, bool) {
	if l.Kind != plan.LayerSync || !l.TrackChanges {
		return watch.Tree{}, false
	}
	i := slices.IndexFunc(p.Sources, func(s plan.Source) bool { return s.Kind == l.From.Kind && s.Name == l.From.Name })
	if i < 0 || p.Sources[i].Directory == nil {
		return watch.Tree{}, false
	}
	return watch.Tree{Path: filepath.Clean(p.Sources[i].Directory.Path), Exclude: watch.Plain(l.Exclude)}, true
}

// heartbeat tells systemd's watchdog that all is well, when every tree has said so
// since the last time.
type heartbeat struct {
	mu    sync.Mutex
	now   func() time.Time
	trees int
	// every is how often at most; zero is without a watchdog.
	every time.Duration
	last  time.Time
	heard map[string]bool
}

func newHeartbeat(now func() time.Time, trees int) *heartbeat {
	limit, _ := daemon.SdWatchdogEnabled(false)
	return &heartbeat{now: now, trees: trees, every: limit / 4, heard: map[string]bool{}}
}

func (h *heartbeat) beat(tree string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard[tree] = true
	if now := h.now(); h.every > 0 && len(h.heard) == h.trees && now.Sub(h.last).Abs() >= h.every {
		h.last = now
		clear(h.heard)
		tellSystemd(daemon.SdNotifyWatchdog)
	}
}
