package disk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/rsync"
)

// Rsync copies trees by the system's rsync. As a Producer it makes the versions
// of files layers.
type Rsync struct {
	runner execx.Runner
	// root says whether this process may keep owners and make devices.
	root bool
	// plain keeps it from views of its own, as on an old kernel.
	plain bool
	mu    sync.Mutex
	seen  rsync.Release
}

// NewRsync makes an Rsync.
func NewRsync(runner execx.Runner) *Rsync {
	return &Rsync{runner: runner, root: os.Geteuid() == 0}
}

// release asks rsync once what it is.
func (r *Rsync) release(ctx context.Context) (rsync.Release, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen != (rsync.Release{}) {
		return r.seen, nil
	}
	seen, err := rsync.Ask(ctx, r.runner)
	if err == nil {
		r.seen = seen
	}
	return seen, err
}

// Produce copies what lies below the job's roots.
func (r *Rsync) Produce(ctx context.Context, job providers.Job) (providers.Produced, error) {
	is, err := r.release(ctx)
	if err != nil {
		return providers.Produced{}, err
	}
	produced := providers.Produced{Tools: map[string]string{"rsync": is.String()}, Limits: r.limits()}
	c := job.Action.Copy
	source, into, err := r.newViews(*c, job)
	if err != nil {
		return produced, err
	}
	defer source.close()
	defer into.close()
	argv := append([]string{"rsync"}, rsync.Archive(c.Exclude)...)
	if into.guarded() && !is.Before(3, 5, 0) {
		argv = append(argv, "--insecure-links") // no link can be followed
	}
	if job.Previous != "" {
		misled, err := misleads(job, into)
		if err != nil {
			return produced, err
		}
		if misled {
			produced.Notes = append(produced.Notes, "not linked to the version before, in which a link lies where the source has a folder")
		} else {
			argv = append(argv, "--link-dest="+into.path(job.Previous))
		}
	}
	opened := job.Roots
	if source.guarded() {
		opened = []string{source.base()}
	}
	argv = append(argv, operands(*c.From, opened, into.path(job.Into))...)
	notes, err := r.copy(ctx, argv, c.From.Snapshot == nil)
	produced.Notes = append(produced.Notes, notes...)
	return produced, into.translate(source.translate(err))
}

// newViews are how rsync sees the source and the destination. Where it takes both
// with no link followed, it need not take care itself, which costs two thirds of
// the time. Several paths keep their full names, so they are seen as they are.
func (r *Rsync) newViews(c plan.CopyAction, job providers.Job) (source, into view, err error) {
	into = plainView(c.Destination)
	if r.plain || !whole(*c.From) {
		return plainView(""), into, nil
	}
	if source, err = newView(job.Roots[0], true); err != nil || !source.guarded() {
		return source, into, err
	}
	into, err = newView(c.Destination, false)
	if err != nil || !into.guarded() {
		source.close()
		source = plainView(job.Roots[0])
	}
	return source, into, err
}

// whole says whether what lies below the only root is the volume.
func whole(from plan.Access) bool { return from.Snapshot != nil || from.Whole }

// limits are what cannot be kept of files.
func (r *Rsync) limits() []string {
	if r.root {
		return nil
	}
	return []string{"made without root: owners, device nodes and what only root may set are not kept"}
}

// operands are the source and where it goes. Several paths are kept under their
// full names.
func operands(from plan.Access, opened []string, into string) []string {
	if whole(from) {
		return []string{"--", filepath.Clean(opened[0]) + "/", into + "/"}
	}
	words := []string{"--relative", "--no-implied-dirs", "--"}
	for _, root := range opened {
		words = append(words, filepath.Clean(root)+"/") // which follows a link, as its proof does
	}
	return append(words, into+"/")
}

// copy runs rsync. On a live source files may vanish while it runs.
func (r *Rsync) copy(ctx context.Context, argv []string, live bool) ([]string, error) {
	output, err := rsync.Run(ctx, r.runner, func() execx.Command { return execx.Command{Argv: argv} })
	failure := (*execx.Error)(nil)
	if !errors.As(err, &failure) {
		return skipped(output.Stdout), err
	}
	if failure.Exit == rsync.ExitVanished && live {
		return append(skipped(output.Stdout), "files vanished from the source while it was copied"), nil
	}
	return nil, rsync.Explain(failure)
}

// skipped notes what rsync left out by its own account.
func skipped(stdout []byte) []string {
	n := rsync.Skipped(stdout)
	if n == 0 {
		return nil
	}
	return []string{count(int64(n), "device node or socket") + " left out"}
}
