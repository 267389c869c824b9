package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
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
	seen  release
}

// NewRsync makes an Rsync.
func NewRsync(runner execx.Runner) *Rsync {
	return &Rsync{runner: runner, root: os.Geteuid() == 0}
}

// release is a version of rsync; the zero value is not known.
type release struct{ major, minor, patch int }

func (r release) String() string { return fmt.Sprintf("%d.%d.%d", r.major, r.minor, r.patch) }

func (r release) before(major, minor int) bool {
	return r.major < major || r.major == major && r.minor < minor
}

var releaseForm = regexp.MustCompile(`^rsync +version v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?`)

// release asks rsync once what it is. One before 3.2 is refused: it cannot tell
// two changes of the same second apart from none.
func (r *Rsync) release(ctx context.Context) (release, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen != (release{}) {
		return r.seen, nil
	}
	output, err := r.runner.Run(ctx, execx.Command{Argv: []string{"rsync", "--version"}, Timeout: time.Minute})
	if err != nil {
		return release{}, err
	}
	found := releaseForm.FindSubmatch(output.Stdout)
	if found == nil {
		return release{}, errors.New("`rsync --version` does not say which version of rsync it is; 3.2 or newer is needed")
	}
	var seen release
	for i, part := range []*int{&seen.major, &seen.minor, &seen.patch} {
		*part, _ = strconv.Atoi(string(found[i+1])) // a missing patch is 0
	}
	if seen.before(3, 2) {
		return release{}, fmt.Errorf("rsync %s is too old: 3.2 or newer is needed", seen)
	}
	r.seen = seen
	return seen, nil
}

// archive are the options that keep all of a file. A negative window compares
// times to the nanosecond.
func archive(excludes []string) []string {
	options := []string{"-aHAXS", "--numeric-ids", "--modify-window=-1"}
	for _, pattern := range excludes {
		options = append(options, "--exclude="+pattern)
	}
	return options
}

// Produce copies what lies below the job's roots.
func (r *Rsync) Produce(ctx context.Context, job providers.Job) (providers.Produced, error) {
	is, err := r.release(ctx)
	if err != nil {
		return providers.Produced{}, err
	}
	produced := providers.Produced{Tools: map[string]string{"rsync": is.String()}, Notes: r.limits()}
	c := job.Action.Copy
	source, into, err := r.newViews(*c, job)
	if err != nil {
		return produced, err
	}
	defer source.close()
	defer into.close()
	argv := append([]string{"rsync"}, archive(c.Exclude)...)
	if into.guarded() && !is.before(3, 5) {
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
		words = append(words, filepath.Clean(root))
	}
	return append(words, into+"/")
}

// copy runs rsync. On a live source files may vanish while it runs.
func (r *Rsync) copy(ctx context.Context, argv []string, live bool) ([]string, error) {
	output, err := r.runner.Run(ctx, execx.Command{Argv: argv})
	failure := (*execx.Error)(nil)
	if !errors.As(err, &failure) {
		return skipped(output.Stdout), err
	}
	if failure.Exit == exitVanished && live {
		return append(skipped(output.Stdout), "files vanished from the source while it was copied"), nil
	}
	return nil, rsyncError(failure)
}

// skipped notes what rsync left out by its own account.
func skipped(stdout []byte) []string {
	n := strings.Count("\n"+string(stdout), "\nskipping non-regular file ")
	if n == 0 {
		return nil
	}
	return []string{count(int64(n), "device node or socket") + " left out"}
}
