package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/drill"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/run"
	"github.com/bkplan/bkplan/internal/tree"
)

type drillOptions struct {
	planOptions
	scratch string
}

func newDrill(app *App) *cobra.Command {
	var o drillOptions
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Prove that versions can be restored",
		Long: `Restore the newest version of a volume into a scratch folder, compare it with the
digests taken when it was made, and remove it again: of each layer the volume whose
last drill is longest ago, or all that --volume matches. What drills have shown is
kept in the state directory, and the next run of apply brings it to Prometheus.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return untilSignal(func(ctx context.Context) error { return app.drill(ctx, o) })
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.scratch, "scratch", "", "restore below this `folder` (default: drill, in the state directory)")
	return exitCodes(cmd, "all that was restored is what it was", "something is not what it was")
}

func (a *App) drill(ctx context.Context, o drillOptions) error {
	p, err := a.load(o.policyOptions)
	if err != nil {
		return err
	}
	if err := o.check(p); err != nil {
		return err
	}
	own := filepath.Join(p.StateDir, "drill")
	o.scratch = cmp.Or(o.scratch, own)
	for _, dir := range slices.Compact([]string{own, filepath.Clean(o.scratch)}) {
		unlock, err := run.Lock(ctx, dir, 0, a.holder(), func(run.Holder) {})
		if err != nil {
			return lockFailure(err)
		}
		defer func() { _ = unlock() }() // the kernel frees it at the end in any case
	}
	if err := removeScratch(ctx, o.scratch); err != nil {
		return err
	}
	before, err := drill.Read(p.StateDir)
	if err != nil {
		return err
	}
	registry := a.doers(p)
	defer func() { _ = registry.Close() }() // what is left ends by itself
	observation, err := a.look(ctx, p, registry, a.now())
	if err != nil {
		return err
	}
	chosen, lacking := o.choose(p, observation, before)
	if err := unheld(chosen, nil, o.volumes); err != nil && lacking == nil {
		return err
	}
	var failures []error
	for _, h := range chosen {
		if err := a.drillOne(ctx, registry, p.StateDir, o.scratch, h); err != nil {
			failures = append(failures, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return drillFailure(failures, lacking)
}

// scratchPrefix begins the names of folders that drills restore to, and of nothing else.
const scratchPrefix = ".bkplan-drill-"

// removeScratch removes what a drill left that was killed.
func removeScratch(ctx context.Context, scratch string) error {
	entries, err := os.ReadDir(scratch)
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), scratchPrefix) {
			err = errors.Join(err, tree.Remove(ctx, filepath.Join(scratch, e.Name())))
		}
	}
	return err
}

// choose finds what to restore, and why there is nothing of a layer.
func (o drillOptions) choose(p plan.Policy, seen plan.Observation, before []drill.Drill) (chosen []plan.HeldVersion, lacking error) {
	last := func(h plan.HeldVersion) time.Time {
		if i := slices.IndexFunc(before, drillOf(h).IsOf); i >= 0 {
			return before[i].Ended
		}
		return time.Time{}
	}
	for _, l := range p.Layers {
		if !p.CanRestore(l) || !matchesAny(o.layers, l.Name) {
			continue
		}
		list, block := plan.Restorable(p, seen, l)
		newest := newestOfVolumes(list)
		switch {
		case block != nil:
			lacking = fail(block.Unblock, "%s: %s", l.Address(), block.Detail)
		case len(newest) == 0:
			lacking = fail("a drill counts when there is something to restore", "%s has no version with a receipt", l.Address())
		}
		if len(o.volumes) > 0 {
			newest = slices.DeleteFunc(newest, func(h plan.HeldVersion) bool { return !matchesAny(o.volumes, h.Volume) })
		} else if len(newest) > 1 {
			newest = []plan.HeldVersion{slices.MinFunc(newest, func(a, b plan.HeldVersion) int {
				return cmp.Or(last(a).Compare(last(b)), strings.Compare(a.Volume, b.Volume))
			})}
		}
		chosen = append(chosen, newest...)
	}
	return chosen, lacking
}

// newestOfVolumes are the newest versions of each volume, by each layer that made some.
func newestOfVolumes(list []plan.HeldVersion) []plan.HeldVersion {
	var seen []drill.Drill
	return slices.DeleteFunc(list, func(h plan.HeldVersion) bool {
		d := drillOf(h)
		again := slices.ContainsFunc(seen, d.IsOf)
		seen = append(seen, d)
		return again
	})
}

func drillOf(h plan.HeldVersion) drill.Drill {
	return drill.Drill{Layer: h.Layer, Of: h.Of.Layer, Volume: h.Volume, Version: h.Version}
}

func matchesAny(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return plan.Match(p, name) })
}

// errNotRestored ends a drill that came out badly; what is wrong has been shown.
var errNotRestored = errors.New("something could not be restored")

// drillOne restores one version, shows how that went, and notes it. What could not be
// tried says nothing about the version, but it has had its turn.
func (a *App) drillOne(ctx context.Context, registry providers.Registry, stateDir, scratch string, h plan.HeldVersion) error {
	started := a.Now()
	wrong, failure := restoreForProof(ctx, registry, scratch, h)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ended := a.Now()
	d := drillOf(h)
	d.Ended = ended.UTC().Truncate(time.Second)
	switch {
	case failure != nil:
		d.Untried = failure.Error()
		fmt.Fprintf(a.Stdout, "untried  %s: %s\n", escape(h.Address()), escape(d.Untried))
	case len(wrong) > 0:
		d.Error, failure = strings.Join(wrong[:min(len(wrong), 10)], "; "), errNotRestored
		for _, w := range wrong {
			fmt.Fprintf(a.Stdout, "failed   %s: %s\n", escape(h.Address()), escape(w))
		}
	default:
		fmt.Fprintf(a.Stdout, "good     %s: %s, %s in %s\n", escape(h.Address()), files(h.Receipt.Files), quantity.Size(h.Receipt.Bytes).Human(), ended.Sub(started).Round(time.Second))
	}
	return cmp.Or(drill.Note(stateDir, d), failure)
}

// restoreForProof says what is wrong with a version that is restored and removed again.
func restoreForProof(ctx context.Context, registry providers.Registry, scratch string, h plan.HeldVersion) (wrong []string, err error) {
	restorer, ok := registry.Layers[h.Kind].(providers.Restorer)
	if !ok {
		return nil, providers.ErrUnsupported
	}
	if err := roomFor(scratch, h.Receipt.Bytes); err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(scratch, scratchPrefix)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tree.Remove(context.WithoutCancel(ctx), own)) }()
	into := filepath.Join(own, "version") // whose mode will be the volume's
	if err := os.Mkdir(into, 0o700); err != nil {
		return nil, err
	}
	restored, err := restorer.Restore(ctx, h, into)
	if err == nil && restored.Unproven && len(restored.Findings) == 0 {
		return nil, errors.New("it has no manifest, so nothing proves what was restored")
	}
	return restored.Findings, err
}

func roomFor(scratch string, need int64) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(scratch, &stat); err != nil {
		return fmt.Errorf("look at %q: %w", scratch, err)
	}
	if free := int64(stat.Bavail) * stat.Bsize; free < need {
		return fail("--scratch names a folder with more room", "%q has %s free, and the version needs %s", scratch, quantity.Size(free).Human(), quantity.Size(need).Human())
	}
	return nil
}

// drillFailure is the end of a drill: what could not be tried is worse than what was
// tried and is not what it was.
func drillFailure(failures []error, lacking error) error {
	for _, err := range failures {
		if !errors.Is(err, errNotRestored) {
			return fail(hintOf(err), "not everything could be tried; the first: %w", err)
		}
	}
	if lacking != nil || len(failures) == 0 {
		return lacking
	}
	return errChanges
}
