package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/receipt"
)

// relink builds a version over there anew, all of links: to the files of another
// version whose content is the same, else to its own. No content is written, and
// neither version is written into:
//
//  1. it looks again, and ends what an earlier run was cut off in;
//  2. rsync over there, which compares contents by their digests, makes the tree;
//  3. rsync compares names, sizes, times and modes once more;
//  4. where no link was gained, the tree is thrown away;
//  5. else both trees change places, and what was there is removed.
func (p *Provider) relink(ctx context.Context, j job) (providers.Result, error) {
	v, err := p.lookBeforeRelink(ctx, j)
	if err != nil {
		return providers.Result{}, err
	}
	if err := errors.Join(j.clearWork(ctx), j.prepare(ctx, "", "relink")); err != nil {
		return providers.Result{}, err
	}
	tree := "tree-" + rand.Text() // a run whose connection broke may go on with its own
	if err := j.build(ctx, v, tree); err != nil {
		return providers.Result{}, errors.Join(err, j.clearWork(ctx))
	}
	p.reached("built")
	built := filepath.Join(j.workFolder(), tree)
	found, err := p.list(ctx, j, []string{j.previous, j.path, built})
	if err != nil {
		return providers.Result{}, err
	}
	if n := found.foreign(2); n > 0 {
		return providers.Result{}, errors.Join(fmt.Errorf("%s: %s of version %q cannot be linked by the user there, and would have to be copied: nothing was changed", j.host(), count(n, "file"), j.path), j.clearWork(ctx))
	}
	before, _ := found.shared(0, 1)
	after, size := found.shared(0, 2)
	if after <= before {
		return providers.Result{Already: true, Detail: "no other file has the same content"}, j.clearWork(ctx)
	}
	at := receipt.File(j.Copy.From.Version.Layer, j.Copy.From.Version.Version, j.Copy.From.Version.Volume)
	ctx = context.WithoutCancel(ctx)
	if _, err := j.once().ask(ctx, sealLimit, exchangeScript, j.base, []string{j.rel, j.work, tree, j.path, at}, nil); err != nil {
		return providers.Result{}, err
	}
	p.reached("exchanged")
	if err := j.clearWork(ctx); err != nil {
		return providers.Result{}, fmt.Errorf("the version is complete, but what it replaced could not be removed: %w", err)
	}
	return providers.Result{Detail: fmt.Sprintf("it shares %s with %s with %s, %d more than before", count(after, "file"), quantity.Size(size).Human(), j.Copy.Previous, after-before)}, nil
}

// lookBeforeRelink looks whether both versions are what the plan says.
func (p *Provider) lookBeforeRelink(ctx context.Context, j job) (view, error) {
	if j.Copy.From == nil || j.Copy.From.Version == nil || j.path == "" || j.previous == "" || below(j.previous, j.path) || below(j.path, j.previous) {
		return view{}, errors.New("the action names no version, or none to link it to")
	}
	of := *j.Copy.From.Version
	if of.Path != j.path || of.Layer == "" || of.Volume == "" || of.Version == "" {
		return view{}, fmt.Errorf("the receipt of version %q is not told", j.path)
	}
	if err := j.recover(ctx); err != nil {
		return view{}, err
	}
	at := receipt.File(of.Layer, of.Version, of.Volume)
	v, err := j.look(ctx, question{
		folders: []string{plan.ReceiptFolder, j.workFolder(), j.directory, filepath.Dir(j.path), filepath.Dir(at)},
		kinds:   []string{j.path, j.previous}, texts: []string{at},
	})
	if err != nil {
		return v, err
	}
	r := v.receipt(of.Layer, of.Version, of.Volume)
	switch {
	case v.kinds[j.path] != isFolder:
		return v, stale("%s: version %q is gone", j.host(), j.path)
	case v.kinds[j.previous] != isFolder:
		return v, stale("%s: version %q, which it is to share files with, is gone", j.host(), j.previous)
	case of.Digest != "" && (r == nil || r.Digest != of.Digest || r.Path != j.path):
		return v, stale("%s: version %q is another one than when the plan was made", j.host(), j.path)
	case r != nil && v.rsync.Before(3, 1, 3) && !strings.HasPrefix(r.Digest, listDigest):
		return v, fmt.Errorf("%s: rsync %s there compares times by the second, and the manifest of version %q has them exactly: 3.1.3 or newer is needed", j.host(), v.rsync, j.path)
	case r == nil && v.texts[at] != "":
		return v, stale("%s: what lies in the place of the receipt of %q is none", j.host(), j.path)
	}
	return v, errors.Join(j.checkRsync(v), j.checkSpace(v), j.checkNames(v, r))
}

// A name in a folder takes about so many bytes, and no tree is built where so little
// is free that it might not fit.
const (
	nameSize  = 256
	leastFree = 64 << 20
)

// checkNames looks whether the names of one more version fit.
func (j job) checkNames(v view, r *plan.Receipt) error {
	need := int64(leastFree)
	if r != nil {
		need += nameSize * (r.Files + 16*r.Directories)
		if v.system.Inodes > 0 && v.system.InodesFree < r.Directories {
			return stale("%s: %q has %d inodes free, and %s of the version need one each", j.host(), j.root(), v.system.InodesFree, count(r.Directories, "folder"))
		}
	}
	if v.system.Free < need {
		return stale("%s: %q has %s free, and the names of one more version need up to %s", j.host(), j.root(),
			quantity.Size(v.system.Free).Human(), quantity.Size(need).Human())
	}
	return nil
}

// once is the job without a second try: when the network breaks, what runs over there
// may not notice.
func (j job) once() job {
	j.limit = 0
	return j
}

// build makes the tree, and proves that nothing is missing in it.
func (j job) build(ctx context.Context, v view, tree string) error {
	from, into := filepath.Join(j.root(), j.path)+"/", filepath.Join(j.root(), j.workFolder(), tree)+"/"
	same := sameMachine(v)
	once := j.once()
	words := append([]string{"--checksum", "--stats", "--link-dest=" + filepath.Join(j.root(), j.previous), "--link-dest=" + filepath.Join(j.root(), j.path)}, same...)
	said, err := once.rsyncThere(ctx, append(words, "--", from, into))
	if err != nil {
		return fmt.Errorf("link a new tree: %w", err)
	}
	if n := readStats([]byte(said)).transferred; n > 0 {
		return fmt.Errorf("%s: %s had to be copied while the tree was linked: somebody writes to version %q", j.host(), count(n, "file"), j.path)
	}
	said, err = once.rsyncThere(ctx, append([]string{"--dry-run", "--delete", "--out-format=%i %n"}, append(same, "--", from, into)...))
	if err != nil {
		return fmt.Errorf("compare what was linked: %w", err)
	}
	if said = strings.TrimSpace(said); said != "" {
		first, _, _ := strings.Cut(said, "\n")
		return fmt.Errorf("%s: the tree that was linked is not the version %q; the first difference: %s", j.host(), j.path, execx.Escape(first))
	}
	return nil
}

// sameMachine are the options by which rsync keeps all that the user over there may.
func sameMachine(v view) []string {
	short := "-rlptH"
	var words []string
	if v.root {
		short, words = short+"goD", append(words, "--numeric-ids")
		if can(v, "ACLs") {
			short += "A"
		}
	}
	if can(v, "xattrs") {
		short += "X"
	}
	if !v.rsync.Before(3, 1, 3) {
		words = append(words, "--modify-window=-1")
	}
	return append(words, short)
}

// rsyncThere runs rsync over there, and gives what it wrote.
func (j job) rsyncThere(ctx context.Context, words []string) (string, error) {
	arguments := append([]string{j.rel, j.work, strconv.Itoa(len(words))}, words...)
	a, err := j.ask(ctx, limit(*j.Copy), buildScript, j.base, arguments, nil)
	return a.get("output"), err
}

// recover ends what an earlier relink was cut off in, by what it noted in the work
// folder: a version may be without its name there.
func (j job) recover(ctx context.Context) error {
	swap, proof := filepath.Join(j.workFolder(), "swap"), filepath.Join(j.workFolder(), "receipt")
	v, err := j.look(ctx, question{folders: []string{plan.WorkFolder, j.workFolder()}, texts: []string{swap, proof}})
	if err != nil || v.texts[swap] == "" {
		return err
	}
	path, at := strings.TrimSuffix(v.texts[swap], "/"), ""
	if text := v.texts[proof]; text != "" {
		r, err := receipt.Decode([]byte(text))
		if err != nil || r.Path != path || r.Version == "" {
			return fmt.Errorf("%s: %q holds a version that was taken from %q, and its receipt makes no sense: move it back by hand", j.host(), filepath.Join(j.root(), j.workFolder()), path)
		}
		at = receipt.File(r.Layer, r.Version, r.Volume)
	}
	if !safe(path) || path == "." || at != "" && !filepath.IsLocal(at) {
		return fmt.Errorf("%s: %q says that it belongs to %q, which is no place below %q", j.host(), swap, path, j.root())
	}
	if _, err := j.look(ctx, question{folders: []string{filepath.Dir(path), plan.ReceiptFolder, filepath.Dir(at)}}); err != nil {
		return err
	}
	_, err = j.ask(context.WithoutCancel(ctx), sealLimit, recoverScript, j.base, []string{j.rel, j.work, path, at}, nil)
	return err
}
