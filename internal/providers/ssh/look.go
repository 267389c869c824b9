package ssh

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/rsync"
)

// question is what an action wants to know of its root; all paths are relative to
// it.
type question struct {
	// folders must be folders, or missing.
	folders []string
	kinds   []string
	texts   []string // of files
	// layer and volume name the receipts to read; none when they are empty. Mirrors are
	// those of all synced trees.
	layer, volume string
	mirrors       bool
}

// view is what was found.
type view struct {
	system   plan.FileSystem
	writable bool
	root     bool // the user over there may do anything
	// rsync is what it is over there; capabilities are its own words of what it can.
	rsync        rsync.Release
	capabilities string
	there        bool // the root
	kinds        map[string]string
	texts        map[string]string
	receipts     []plan.Receipt
}

// Kinds of what lies at a place.
const (
	isMissing = "-"
	isFolder  = "d"
	isLink    = "l"
	isFile    = "f"
)

// look asks for what an action has to know, and checks what every action relies on.
func (j job) look(ctx context.Context, q question) (view, error) {
	v, err := j.see(ctx, q)
	if err != nil {
		return v, err
	}
	return v, j.check(q, v)
}

// see asks, and leaves the checks to whoever writes nothing there.
func (j job) see(ctx context.Context, q question) (view, error) {
	paths := append(append([]string{}, q.folders...), q.kinds...)
	arguments := append([]string{j.rel, strconv.Itoa(len(paths))}, paths...)
	arguments = append(append(arguments, strconv.Itoa(len(q.texts))), q.texts...)
	layer, file := "", ""
	if q.layer != "" {
		at := receipt.Path(q.layer, "any", q.volume)
		layer, file = filepath.Dir(filepath.Dir(at)), filepath.Base(at)
	}
	synced := ""
	if q.mirrors {
		synced = filepath.Base(filepath.Dir(receipt.Path("any", "", "any")))
	}
	a, err := j.ask(ctx, lookLimit, lookScript, j.base, append(arguments, layer, file, synced), nil)
	if err != nil {
		return view{}, err
	}
	return j.read(q, a.facts)
}

func (j job) read(q question, f facts) (view, error) {
	v := view{
		writable: f.get("writable") != "", root: f.get("user") == "0", there: f.get("root") == isFolder,
		capabilities: f.get("rsync"), kinds: map[string]string{}, texts: map[string]string{},
	}
	if k := f.get("root"); k != isFolder && k != isMissing {
		return v, stale("%s: %q is not a directory there, or a link is on the way to it", j.host(), j.root())
	}
	var err error
	if v.system, err = fileSystem(f); err != nil {
		return v, fmt.Errorf("%s: %w", j.host(), err)
	}
	v.rsync, _ = rsync.ParseRelease(v.capabilities)
	kinds, texts := f.all("kind"), f.all("text")
	if len(kinds) != len(q.folders)+len(q.kinds) || len(texts) != len(q.texts) {
		return v, fmt.Errorf("%s: the answer from over there has gaps", j.host())
	}
	for i, path := range append(append([]string{}, q.folders...), q.kinds...) {
		v.kinds[path] = kinds[i][:1]
		if reached := kinds[i][1:]; v.kinds[path] == isFile && reached != "./"+path {
			v.kinds[path] = isLink // something on the way that is no folder
		}
	}
	for i, path := range q.texts {
		v.texts[path] = texts[i]
	}
	v.readReceipts(f)
	return v, nil
}

// readReceipts takes those that are some: what is none is no proof.
func (v *view) readReceipts(f facts) {
	at, texts := f.all("at"), f.all("receipt")
	for i := range min(len(at), len(texts)) {
		if r, err := receipt.DecodeAt([]byte(texts[i]), strings.TrimPrefix(at[i], "./"+plan.ReceiptFolder+"/")); err == nil {
			v.receipts = append(v.receipts, r)
		}
	}
}

// receipt is the one of a version, of which the text has been asked for; nil where
// there is none.
func (v view) receipt(layer, version, volume string) *plan.Receipt {
	r, err := receipt.DecodeAt([]byte(v.texts[receipt.File(layer, version, volume)]), receipt.Path(layer, version, volume))
	if err != nil {
		return nil
	}
	return &r
}

// check looks whether the destination is the one that it should be.
func (j job) check(q question, v view) error {
	mount, recorded := v.system.MountPoint, j.Copy.Remote.MountPoint
	switch {
	case j.Copy.RequireMount && mount == "/":
		return stale("%s: nothing is mounted at %q, and nothing is written there until it is", j.host(), j.root())
	case recorded != "" && recorded != mount:
		return stale("%s: %q lies on the file system mounted at %q, and lay on that of %q when the plan was made", j.host(), j.root(), mount, recorded)
	case v.system.ReadOnly:
		return fmt.Errorf("%s: %q is mounted read-only there", j.host(), j.root())
	case !v.writable:
		return fmt.Errorf("%s: the user there may not write to %q", j.host(), j.root())
	}
	for _, path := range q.folders {
		if k := v.kinds[path]; k != isFolder && k != isMissing {
			return fmt.Errorf("%s: %q is not a folder below %q, or a link is on the way to it: none is followed there", j.host(), path, j.root())
		}
	}
	return nil
}

// checkSpace looks whether as much is free as must stay free.
func (j job) checkSpace(v view) error {
	switch {
	case v.system.Free < j.Copy.MinFree:
		return stale("%s: %q has %s free, and %s must stay free", j.host(), j.root(),
			quantity.Size(v.system.Free).Human(), quantity.Size(j.Copy.MinFree).Human())
	case v.system.Inodes > 0 && v.system.InodesFree == 0:
		return stale("%s: %q has no inode free: it can take no further file", j.host(), j.root())
	}
	return nil
}

// checkRsync looks whether rsync is there, and new enough to keep the fractions of
// seconds in times.
func (j job) checkRsync(v view) error {
	switch {
	case v.rsync == (rsync.Release{}):
		return fmt.Errorf("%s: there is no rsync in the PATH of the user there; on a Synology it comes with the file service rsync", j.host())
	case v.rsync.Before(3, 1, 0):
		return fmt.Errorf("%s: rsync %s there is too old: 3.1 or newer is needed", j.host(), v.rsync)
	}
	return nil
}
