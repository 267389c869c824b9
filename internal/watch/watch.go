// Package watch follows trees, and writes what changes in them into their
// journals. Start at Run, which is `bkplan watch`, and at Flush, by which a sync
// asks it to write down all that it knows.
//
// A tree is followed by fanotify with a mark on its whole file system where that
// is to be had, and by recursive inotify elsewhere. Both obey one rule: an event
// that cannot be told to be of one name with certainty becomes a subtree around
// it, or ends the span; it is never left out. What a name turned into is not
// recorded: whoever reads the journal looks.
package watch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Tree is a directory to be followed.
type Tree struct {
	Path string
	// Exclude are folders below which nothing is of interest, relative to Path.
	Exclude []string
}

// Config is what Run works with.
type Config struct {
	StateDir string
	Host     string // as journal.Read will be told
	Trees    []Tree
	Now      func() time.Time
	// Log takes lines for people. It may be called from several goroutines.
	Log func(line string)
	// Ready is called once every tree is followed, or has told Log why not.
	Ready func()
	// Alive is called for as long as all is well, every few seconds, from several
	// goroutines; it may be nil.
	Alive func(tree string)
	// Method is which way to follow trees, for tests; zero is the best to be had.
	Method Method
}

// Method is a way of following a tree.
type Method int

// The methods. Best is fanotify, and where that is not to be had inotify.
const (
	Best Method = iota
	Fanotify
	Inotify
)

// Run follows trees until the context ends. A tree that cannot be followed right
// now is tried again and again; it is an error when somebody else follows it.
func Run(ctx context.Context, c Config) error {
	group, ctx := errgroup.WithContext(ctx)
	begun := make(chan struct{}, len(c.Trees))
	var keepers []*keeper
	defer func() {
		for _, k := range keepers {
			k.close()
		}
	}()
	for _, tree := range c.Trees {
		k, err := newKeeper(c, tree)
		if err != nil {
			return fmt.Errorf("watch %q: %w", tree.Path, err)
		}
		keepers = append(keepers, k)
	}
	for _, k := range keepers {
		group.Go(func() error {
			k.run(ctx, func() { begun <- struct{}{} })
			return nil
		})
	}
	group.Go(func() error {
		for range c.Trees {
			select {
			case <-begun:
			case <-ctx.Done():
				return nil
			}
		}
		if c.Ready != nil {
			c.Ready()
		}
		return nil
	})
	return group.Wait()
}

// Plain returns those patterns of rsync that name one folder of a tree and no
// more, such as "/cache/", as folders for Tree.Exclude.
func Plain(patterns []string) []string {
	var folders []string
	for _, p := range patterns {
		folder := strings.Trim(p, "/")
		if p == "/"+folder+"/" && filepath.IsLocal(folder) && filepath.Clean(folder) == folder && !strings.ContainsAny(p, `*?[\`) {
			folders = append(folders, folder)
		}
	}
	return folders
}

// What ends a span, for people.
var (
	errOverflow = errors.New("more changed at once than the kernel could queue")
	errStopped  = errors.New("\"bkplan watch\" was stopped")
	errReplaced = errors.New("the directory was replaced, unmounted or moved")
	errMounts   = errors.New("something was mounted or unmounted below the tree")
)
