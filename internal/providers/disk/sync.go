package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/rsync"
	"github.com/bkplan/bkplan/internal/tree"
)

// sync makes the layer's directory a mirror of its source. What would be deleted
// is counted first.
func (p *Provider) sync(ctx context.Context, a plan.Action) (_ providers.Result, err error) {
	v := version{action: a, started: p.Now()}
	if v.place, err = newPlace(a); err != nil {
		return providers.Result{}, err
	}
	if a.Copy.Path != "" || a.Version != "" || a.Copy.From == nil || len(a.Copy.From.Paths) == 0 {
		return providers.Result{}, errors.New("the action names a version, or no paths to mirror")
	}
	system, err := p.checkDestination(ctx, *a.Copy)
	if err == nil {
		err = checkSpace(system, *a.Copy)
	}
	if err == nil {
		err = v.checkFolders()
	}
	if err != nil {
		return providers.Result{}, err
	}
	from, err := p.openContent(ctx, *a.Copy.From, v.started)
	if err == nil {
		err = p.checkMirror(ctx, v.full(v.directory), from)
	}
	if err != nil {
		return providers.Result{}, err
	}
	if r, err := receipt.Read(v.root, a.Layer, "", a.Volume); err == nil {
		v.proof = &r
		if !r.Slot.IsZero() && r.Slot.Equal(a.Copy.Slot) {
			return providers.Result{Already: true}, nil
		}
	}
	return p.mirrorTo(ctx, v, from)
}

// checkMirror refuses sources that are not there, and those that a mirror would
// eat.
func (p *Provider) checkMirror(ctx context.Context, target string, from content) error {
	empty, err := p.firstEmpty(ctx, from.roots)
	if err != nil {
		return err
	}
	if empty != "" {
		return fmt.Errorf("source %q is empty, and an empty one is taken for one that is not there: its mirror stays as it was", empty)
	}
	return p.checkApart(ctx, from, target, target)
}

// checkApart refuses a source that holds the folder which must stay out of it, or
// that lies in what is made of it.
func (p *Provider) checkApart(ctx context.Context, from content, outside, made string) error {
	out, err := resolve(outside)
	if err != nil {
		return err
	}
	into, err := resolve(made)
	if err != nil {
		return err
	}
	for _, root := range from.source.Paths {
		source, err := providers.Within(ctx, p.limit, root, func() (string, error) { return resolve(root) })
		if err != nil {
			return err
		}
		if below(out, source) || below(source, into) {
			return fmt.Errorf("source %q and %q, where its copy goes, lie inside of each other", root, made)
		}
	}
	return nil
}

// resolve follows the links of a path, as far as it exists.
func resolve(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) && path != "/" {
		above, err := resolve(filepath.Dir(path))
		return filepath.Join(above, filepath.Base(path)), err
	}
	return resolved, err
}

func (p *Provider) mirrorTo(ctx context.Context, v version, from content) (providers.Result, error) {
	c := *v.action.Copy
	most := p.Patience.copy(c)
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("no end within %s: set a longer `timeout` in layer %q", most, v.action.Layer))
	defer cancel()
	if err := folder.Make(v.root, v.directory, 0o755); err != nil {
		return providers.Result{}, explain(err, v.root, keptMirror)
	}
	produced, err := p.mirror.Mirror(ctx, v, from)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return providers.Result{}, explain(err, v.root, keptMirror)
	}
	r, err := p.proveMirror(context.WithoutCancel(ctx), v, from.source, produced)
	return resultOf(r, produced), err
}

// Mirror makes a folder the mirror of a source, unless that would delete more
// than it may.
func (r *Rsync) Mirror(ctx context.Context, v version, from content) (providers.Produced, error) {
	is, err := r.release(ctx)
	if err != nil {
		return providers.Produced{}, err
	}
	c := *v.action.Copy
	into := v.full(v.directory)
	words := append([]string{"--delete-delay"}, rsync.Archive(c.Exclude)...)
	going, err := r.deletes(ctx, words, operands(*c.From, from.roots, into))
	if err != nil {
		return providers.Produced{}, err
	}
	if !c.MaxDelete.IsZero() && !c.AcceptLoss { // also where nothing goes: the source may be another by now
		most, err := v.maxDelete(going)
		if err != nil {
			return providers.Produced{}, err
		}
		words = append(words, "--max-delete="+strconv.FormatInt(most, 10))
	}
	argv := append(append([]string{"rsync"}, words...), operands(*c.From, from.roots, into)...)
	notes, err := r.copy(ctx, argv, true)
	return providers.Produced{Tools: map[string]string{"rsync": is.String()}, Limits: r.limits(), Notes: notes}, err
}

// deletes asks rsync what it would delete: names as it writes them.
func (r *Rsync) deletes(ctx context.Context, words, operands []string) ([]string, error) {
	argv := append([]string{"rsync", "--dry-run", "--out-format=", "--info=DEL1"}, words...)
	output, err := r.runner.Run(ctx, execx.Command{Argv: append(argv, operands...)})
	failure := (*execx.Error)(nil)
	if errors.As(err, &failure) && failure.Exit != rsync.ExitVanished {
		return nil, rsync.Explain(failure)
	}
	return rsync.Deleted(output.Stdout), nil
}

// maxDelete is how many entries may go, at least one where any may; too many are
// an error that names some.
func (v version) maxDelete(going []string) (int64, error) {
	limit := v.action.Copy.MaxDelete
	there, err := v.entries()
	if err != nil {
		return 0, err
	}
	var most int64
	what := fmt.Sprintf("%d of the %d entries in it", len(going), there)
	tooMany := false
	if !limit.Share.IsZero() {
		most = limit.Share.Of(there)
		if limit.Share.Percent() > 0 {
			most = max(most, 1)
		}
		tooMany = int64(len(going)) > most
	} else {
		bytes := v.size(going)
		most, tooMany = int64(len(going)), bytes > int64(limit.Size)
		what += " with " + quantity.Size(bytes).Human()
	}
	if !tooMany {
		return most, nil
	}
	names := strings.Join(going[:min(len(going), rsync.NamedMax)], ", ")
	return 0, fmt.Errorf("the mirror would lose %s, and max_delete is %s: nothing was changed; look at the source, and acknowledge the layer %q if they are meant to go: %s",
		what, limit, v.action.Layer, names)
}

// entries counts what is in the mirror.
func (v version) entries() (int64, error) {
	if v.proof != nil {
		return v.proof.Files + v.proof.Directories, nil
	}
	var n int64
	err := filepath.WalkDir(v.full(v.directory), func(_ string, _ fs.DirEntry, err error) error {
		n++
		return err
	})
	return n, err
}

// size adds up the files that would go.
func (v version) size(names []string) int64 {
	var sum int64
	for _, name := range names {
		path := filepath.Join(v.full(v.directory), filepath.Clean("/"+rsync.Unescape(name)))
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
	}
	return sum
}

// proveMirror writes down what the mirror holds, and the receipt last.
func (p *Provider) proveMirror(ctx context.Context, v version, source plan.ReceiptSource, produced providers.Produced) (_ plan.Receipt, err error) {
	if err := p.newWork(ctx, v.place); err != nil {
		return plan.Receipt{}, explain(err, v.root, keptMirror)
	}
	defer func() { err = errors.Join(err, p.clearWork(ctx, v.place, err)) }()
	if err := tree.Sync(v.root); err != nil {
		return plan.Receipt{}, explain(fmt.Errorf("sync mirror: %w", err), v.root, keptMirror)
	}
	totals, err := v.writeDown(ctx, v.full(v.directory), tree.Previous{})
	if err != nil {
		return plan.Receipt{}, explain(err, v.root, keptMirror)
	}
	if err := v.placeManifest(); err != nil {
		return plan.Receipt{}, explain(err, v.root, keptMirror)
	}
	r := v.receipt(source, produced, totals)
	r.Path, r.Ended = v.directory, p.Now()
	return r, explain(receipt.Write(v.root, r), v.root, keptMirror)
}
