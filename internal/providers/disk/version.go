package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

// version is one version of a volume that is being made.
type version struct {
	place
	action  plan.Action
	started time.Time
	// previous is the folder of the newest complete version, relative to root;
	// empty when there is none. proof is its receipt, if it has one.
	previous string
	proof    *plan.Receipt
}

func (v version) built() string    { return filepath.Join(v.workFolder(), "tree") }
func (v version) manifest() string { return filepath.Join(v.workFolder(), "manifest") }

// makeVersion creates or refreshes a version:
//
//  1. it looks again at the destination, the names on it, and the source;
//  2. where the pool says that nothing has changed, it links what is there;
//  3. else the Producer fills a folder in the work folder;
//  4. the manifest is written, far less than before is held up, all is synced;
//  5. the folder gets its name, by an exchange where there is one already;
//  6. the receipt comes last.
func (p *Provider) makeVersion(ctx context.Context, a plan.Action) (providers.Result, error) {
	v, err := p.newVersion(ctx, a)
	if err != nil {
		return providers.Result{}, err
	}
	done, err := v.alreadyThere()
	if err != nil || done {
		return providers.Result{Already: done}, err
	}
	if p.unchanged(v) {
		return p.makeUnchanged(ctx, v)
	}
	return p.makeCopy(ctx, v)
}

func (p *Provider) newVersion(ctx context.Context, a plan.Action) (version, error) {
	v := version{action: a, started: p.Now()}
	var err error
	if v.place, err = newPlace(a); err != nil {
		return v, err
	}
	if a.Copy.Path == "" || a.Copy.From == nil || a.Version == "" {
		return v, errors.New("the action names no version, or nothing to make it from")
	}
	system, err := p.checkDestination(ctx, *a.Copy)
	if err != nil {
		return v, err
	}
	if err := checkSpace(system, *a.Copy); err != nil {
		return v, err
	}
	if err := v.checkFolders(); err != nil {
		return v, err
	}
	return v, v.findPrevious()
}

// findPrevious looks at the version that the new one is to be linked to.
func (v *version) findPrevious() error {
	if v.action.Copy.Previous == "" {
		return nil
	}
	v.previous = filepath.Join(v.directory, v.action.Copy.Previous)
	there, err := v.isFolder(v.previous)
	if err != nil {
		return err
	}
	if !there {
		return stale("version %q, which was the newest when the plan was made, is gone", v.previous)
	}
	receipts, err := receipt.Of(v.root, v.action.Layer, v.action.Volume)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(receipts, func(r plan.Receipt) bool { return r.Path == v.previous }); i >= 0 {
		v.proof = &receipts[i]
	}
	return nil
}

// alreadyThere says whether an earlier run has done this. A name that is taken
// otherwise is no place for a new version, and one to refresh must be there.
func (v version) alreadyThere() (bool, error) {
	there, err := v.isFolder(v.path)
	if err != nil {
		return false, err
	}
	if !there {
		if v.action.Kind == plan.Refresh {
			return false, stale("version %q is gone", v.path)
		}
		return false, nil
	}
	r, err := receipt.Read(v.root, v.action.Layer, v.action.Version, v.action.Volume)
	done := err == nil && r.Path == v.path && !r.Slot.IsZero() && r.Slot.Equal(v.action.Copy.Slot)
	if !done && v.action.Kind == plan.Create {
		return false, stale("version %q is there already", v.path)
	}
	return done, nil
}

// makeCopy has the Producer fill a new folder.
func (p *Provider) makeCopy(ctx context.Context, v version) (_ providers.Result, err error) {
	from, err := p.openContent(ctx, *v.action.Copy.From, v.started)
	if err != nil {
		return providers.Result{}, err
	}
	unbounded := context.WithoutCancel(ctx)
	if err := errors.Join(p.checkApart(ctx, from, v.root, v.full(v.directory)), v.checkMoved(from.source)); err != nil {
		return providers.Result{}, errors.Join(err, from.close(unbounded))
	}
	defer func() { err = errors.Join(err, p.clearWork(unbounded, v.place, err)) }()
	produced, err := p.fill(ctx, v, from)
	closing := from.close(unbounded)
	if err != nil {
		return providers.Result{}, errors.Join(err, closing)
	}
	result, err := p.finish(ctx, v, from.source, produced)
	if err == nil && closing != nil {
		err = fmt.Errorf("the version is complete, but its source could not be closed: %w", closing)
	}
	return result, err
}

// checkMoved refuses a source that lies on another mount than when it was last
// copied: an unmounted one shows what is below it.
func (v version) checkMoved(source plan.ReceiptSource) error {
	if v.proof == nil || v.acceptLoss || v.proof.Source.MountPoint == "" || source.MountPoint == "" || v.proof.Source.MountPoint == source.MountPoint {
		return nil
	}
	return fmt.Errorf("source %q lies on the mount %q, and lay on %q when it was last copied; if it has moved for good, acknowledge the layer %q",
		source.Paths[0], source.MountPoint, v.proof.Source.MountPoint, v.action.Layer)
}

// fill makes the folder in the work folder and lets the Producer fill it.
func (p *Provider) fill(ctx context.Context, v version, from content) (providers.Produced, error) {
	notes, err := p.checkEmpty(ctx, v, from)
	if err != nil {
		return providers.Produced{}, err
	}
	err = p.newWork(ctx, v.place)
	if err == nil {
		err = os.Mkdir(v.built(), 0o755)
	}
	if err != nil {
		return providers.Produced{}, explain(err, v.root, keptVersion)
	}
	job := providers.Job{Action: v.action, Roots: from.roots, Into: v.built()}
	if v.previous != "" {
		job.Previous = v.full(v.previous)
	}
	produced, err := p.produce(ctx, job)
	produced.Notes = append(notes, produced.Notes...)
	return produced, explain(err, v.root, keptVersion)
}

// checkEmpty takes an empty folder for a source that is not there, where there
// was something before or several folders are named. A volume may begin empty.
func (p *Provider) checkEmpty(ctx context.Context, v version, from content) ([]string, error) {
	if len(from.source.Paths) == 0 || v.action.Copy.AcceptLoss {
		return nil, nil
	}
	path, err := p.firstEmpty(ctx, from.roots)
	if path == "" || err != nil {
		return nil, err
	}
	if len(from.roots) == 1 && v.previous == "" && path != from.source.MountPoint {
		return []string{"the source was empty"}, nil
	}
	return nil, fmt.Errorf("source %q is empty, and an empty one is taken for one that is not there; if it is right, acknowledge the layer %q", path, v.action.Layer)
}

// newWork makes the action's own folder in the work folder. What an earlier run
// left there is removed.
func (p *Provider) newWork(ctx context.Context, at place) error {
	if err := folder.Make(at.root, plan.WorkFolder, 0o700); err != nil {
		return err
	}
	if err := tree.Remove(ctx, at.workFolder()); err != nil {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	return os.Mkdir(at.workFolder(), 0o700)
}

// clearWork removes the action's own folder. When it fails after something else
// did, the next plan shows what is left.
func (p *Provider) clearWork(ctx context.Context, at place, failure error) error {
	err := tree.Remove(ctx, at.workFolder())
	if err == nil || failure != nil {
		return nil
	}
	return fmt.Errorf("the version is complete, but what it replaced could not be removed: %w", err)
}

// produce bounds the Producer in time. One that does not end even so is left
// behind, with the folder that it was filling.
func (p *Provider) produce(ctx context.Context, job providers.Job) (providers.Produced, error) {
	if p.Producer == nil {
		return providers.Produced{}, fmt.Errorf("make a version: %w", providers.ErrUnsupported)
	}
	most := p.Patience.copy(*job.Action.Copy)
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("no end within %s: set a longer `timeout` in layer %q, or look what it waits for", most, job.Action.Layer))
	defer cancel()
	type answer struct {
		produced providers.Produced
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		produced, err := p.Producer.Produce(ctx, job)
		answers <- answer{produced, err}
	}()
	select {
	case a := <-answers:
		if cause := context.Cause(ctx); a.err != nil && cause != nil {
			return a.produced, cause
		}
		return a.produced, a.err
	case <-ctx.Done():
	}
	grace := time.NewTimer(p.Patience.stop())
	defer grace.Stop()
	select {
	case <-answers:
		return providers.Produced{}, context.Cause(ctx)
	case <-grace.C:
		return providers.Produced{}, fmt.Errorf("%w; it does not stop either, so it is stuck in the kernel", context.Cause(ctx))
	}
}

// count is a number of things in words.
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
