package journal

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// amountMost is how many names are looked at for an amount: a plan must not take minutes
// on a cold disk.
const amountMost = 10_000

var errTooMany = errors.New("too many names to look at")

// amountOf is the most that changes in a tree of this machine can add where it is
// mirrored, excludes aside and as the tree is now; nil where that would take long to
// tell, or cannot be told.
func amountOf(tree string, told providers.TreeChanges) *plan.Estimate {
	if len(told.Names)+len(told.Subtrees) > amountMost {
		return nil
	}
	var a amount
	for _, name := range told.Names {
		info, err := os.Lstat(filepath.Join(tree, name))
		if a.add(info, err) != nil {
			return nil
		}
	}
	for _, name := range told.Subtrees {
		err := filepath.WalkDir(filepath.Join(tree, name), func(_ string, entry fs.DirEntry, err error) error {
			if err != nil {
				return a.add(nil, err)
			}
			info, err := entry.Info()
			return a.add(info, err)
		})
		if err != nil {
			return nil
		}
	}
	return &a.Estimate
}

// amount is what has been looked at so far.
type amount struct {
	plan.Estimate
	looked int
}

// add counts what lies at a name. What is gone adds nothing.
func (a *amount) add(info fs.FileInfo, err error) error {
	if a.looked++; a.looked > amountMost {
		return errTooMany
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	a.Inodes++
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() {
		a.Files, a.Size = a.Files+1, sum(a.Size, info.Size())
		a.Bytes = sum(a.Bytes, min(info.Size(), stat.Blocks*512)) // holes are kept over there
	}
	return nil
}

// sum stays the largest number there is: a file of holes may claim any size.
func sum(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}
