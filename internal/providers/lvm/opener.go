package lvm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// Opener makes the content of thin snapshots readable. Its LVM commands take
// turns with those of its Provider; all others may run side by side, each with
// a limit. It may be used from several goroutines, but not for the same
// OpenName at once.
//
// A snapshot is never written into. Where its file system has to be mended
// before it can be read, that happens on a clone, which is thrown away.
type Opener struct {
	provider *Provider
	runner   execx.Runner
	host     host
	stateDir string
	limits   openLimits
	btrfs    sync.Mutex // held while a btrfs may be mounted under the id of another
	metadata sync.Mutex // held while a pool's metadata snapshot is
}

var _ providers.Opener = (*Opener)(nil)

// openLimits are how long the programs of an Opener may take, and its patience
// with what becomes true by itself: tries looks, with a pause between.
type openLimits struct {
	probe, unlock, mount, unmount, delta time.Duration
	tries                                int
	pause                                time.Duration
}

var defaultOpenLimits = openLimits{
	probe: 60 * time.Second, unlock: 120 * time.Second, mount: 300 * time.Second,
	unmount: 60 * time.Second, delta: 300 * time.Second,
	tries: 100, pause: 100 * time.Millisecond,
}

// NewOpener makes an Opener whose programs go through the runner. What it opens
// lies below stateDir, where it also notes whose metadata snapshot a pool has.
func NewOpener(provider *Provider, runner execx.Runner, stateDir string) *Opener {
	return &Opener{
		provider: provider, runner: runner, host: thisHost, stateDir: stateDir, limits: defaultOpenLimits,
	}
}

// run runs a program that is none of LVM's.
func (o *Opener) run(ctx context.Context, limit time.Duration, argv ...string) (execx.Output, error) {
	return o.runner.Run(ctx, execx.Command{Argv: argv, Timeout: limit})
}

// Open makes a snapshot's content readable, after it has cleaned what a killed
// run left of the same OpenName. Programs that change something are run to
// their end, or ended and their work undone, when ctx ends.
func (o *Opener) Open(ctx context.Context, access plan.SnapshotAccess) (providers.Opened, error) {
	fail := func(err error) (providers.Opened, error) {
		return providers.Opened{}, fmt.Errorf("open %s/%s: %w", access.VolumeGroup, access.Name, err)
	}
	if err := checkAccess(access); err != nil {
		return fail(err)
	}
	s := &opening{Opener: o, access: access}
	kind, err := s.open(ctx)
	if err != nil {
		if undo := s.close(context.WithoutCancel(ctx)); undo != nil {
			err = errors.Join(err, fmt.Errorf("undo what was done until then: %w", undo))
		}
		return fail(err)
	}
	return providers.Opened{Root: s.point, FileSystem: kind, UUID: s.uuid, Close: s.Close}, nil
}

// opening is a snapshot that is open, or about to be. What may have to be taken
// down is set before it is put up.
type opening struct {
	*Opener
	access    plan.SnapshotAccess
	group     volumeGroup // the pool and the snapshot, as they were found
	uuid      string      // of the snapshot
	activated bool        // by this opening
	cloned    bool
	cloneUUID string
	unlocked  bool
	point     string // the mount point
}

func (s *opening) open(ctx context.Context) (kind string, err error) {
	device, err := s.activate(ctx)
	if err != nil {
		return "", err
	}
	found, err := s.identify(ctx, device)
	if err != nil {
		return "", err
	}
	if found.kind == kindLUKS {
		if err = checkKeyFile(s.access.KeyFile); err != nil {
			return "", err
		}
	}
	switch {
	case found.mustWrite || !s.activated:
		device, err = s.clone(ctx)
	default:
		_, err = s.run(ctx, s.limits.probe, "blockdev", "--setro", device.path)
	}
	if err != nil {
		return "", err
	}
	if found.kind == kindLUKS {
		if device, err = s.unlock(ctx, device); err != nil {
			return "", err
		}
		if found, err = s.identify(ctx, device); err != nil {
			return "", err
		}
		if found.kind == kindLUKS {
			return "", errors.New("no file system that bkplan knows: LUKS inside of LUKS")
		}
	}
	return found.kind, s.mount(ctx, device, found)
}

// Close takes down what was set up; every step is tried, whatever became of the
// others.
func (s *opening) Close(ctx context.Context) error {
	if err := s.close(ctx); err != nil {
		return fmt.Errorf("close %s/%s: %w", s.access.VolumeGroup, s.access.Name, err)
	}
	return nil
}

func (s *opening) close(ctx context.Context) error {
	var problems []error
	if s.point != "" {
		problems = append(problems, s.unmount(ctx, s.point), removeFolder(s.point))
	}
	if s.unlocked {
		problems = append(problems, s.closeMapping(ctx, s.access.OpenName))
	}
	if s.cloned {
		problems = append(problems, s.removeClone(ctx, s.access.VolumeGroup, s.access.OpenName, s.cloneUUID))
	}
	return errors.Join(append(problems, s.deactivate(ctx))...)
}
