package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/quantity"
)

type restoreOptions struct {
	policyOptions
	layer, volume, version string
}

func newRestore(app *App) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore FOLDER",
		Short: "Copy a version of a volume back into an empty folder",
		Long: `Copy a version of a volume, the newest unless --version names another one, out of
the layer that keeps it, into a folder that is empty or not there. Owners, modes and
times are what they were, also where a NAS could not keep them; all contents are
compared with the digests taken when the version was made. What a volume held before
is not looked at, and nothing but the folder is changed.

A version on another machine is fetched from there: the disk that it is a copy of
need not be there any more.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return untilSignal(func(ctx context.Context) error { return app.restore(ctx, o, args[0]) })
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.layer, "layer", "", "the `layer` that keeps the version")
	cmd.Flags().StringVar(&o.volume, "volume", "", "the `volume`")
	cmd.Flags().StringVar(&o.version, "version", "", "the `version`, as `bkplan verify -v` and `bkplan plan -v` name it")
	_ = cmd.MarkFlagRequired("layer")
	_ = cmd.MarkFlagRequired("volume")
	return exitCodes(cmd, "restored, and as its receipt says", "restored, and something is not as its receipt says")
}

func (a *App) restore(ctx context.Context, o restoreOptions, into string) error {
	p, err := a.load(o.policyOptions)
	if err != nil {
		return err
	}
	layer, known := p.Layer(o.layer)
	if !known {
		return fail("its layers are: "+layerNames(p), "the policy has no layer %q", o.layer)
	}
	if layer.Kind == plan.LayerSnapshot {
		return fail("a thin snapshot is activated with `lvchange -ay -K`, and mounted read-only", "layer.%s keeps snapshots, which are no copies", o.layer)
	}
	if err := emptyFolder(into); err != nil {
		return err
	}
	registry := a.doers(p)
	defer func() { _ = registry.Close() }() // what is left ends by itself
	observation, err := a.look(ctx, p, registry, a.now())
	if err != nil {
		return err
	}
	list, block := plan.Restorable(p, observation, layer)
	if block != nil {
		return fail(block.Unblock, "%s", block.Detail)
	}
	version, err := o.choose(list)
	if err != nil {
		return err
	}
	restorer, ok := registry.Layers[layer.Kind].(providers.Restorer)
	if !ok {
		return providers.ErrUnsupported
	}
	if err := os.MkdirAll(into, 0o700); err != nil {
		return err
	}
	restored, err := restorer.Restore(ctx, version, into)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			err = errors.New("stopped by a signal")
		}
		return fail("empty the folder before you try again", "%s: what is in %q is not whole: %w", version.Address(), into, err)
	}
	return a.showRestored(p, version, into, restored)
}

// emptyFolder refuses a folder with anything in it, but for what mkfs makes.
func emptyFolder(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fail("", "open the folder to restore to: %w", err)
	}
	for _, e := range entries {
		if e.Name() != lostFound {
			return fail("name one that is empty, or not there yet", "%q is not empty, and what is in it stays as it is", path)
		}
	}
	return nil
}

const lostFound = "lost+found"

// choose finds the version. A layer that copies a disk may have a volume's versions of
// several layers: those are different things, and none of them is guessed.
func (o restoreOptions) choose(list []plan.HeldVersion) (plan.HeldVersion, error) {
	var volumes, versions, makers []string
	var found []plan.HeldVersion
	for _, h := range list {
		if h.Volume != o.volume {
			volumes = append(volumes, h.Volume)
			continue
		}
		versions = append(versions, h.Version)
		if o.version == "" || o.version == h.Version {
			found, makers = append(found, h), append(makers, h.Of.Layer)
		}
	}
	slices.Sort(makers)
	makers = slices.Compact(makers)
	switch {
	case len(list) == 0:
		return plan.HeldVersion{}, fail("`bkplan verify --adopt` gives receipts to what older scripts made", "layer.%s has no version with a receipt", o.layer)
	case len(versions) == 0:
		return plan.HeldVersion{}, fail("it has some of: "+listed(volumes), "layer.%s has no version of a volume %q", o.layer, o.volume)
	case len(found) == 0:
		return plan.HeldVersion{}, fail("there are: "+listed(versions), "layer.%s has no version %q of volume %q", o.layer, o.version, o.volume)
	case len(makers) > 1:
		return plan.HeldVersion{}, fail("say which: --version "+found[0].Version+"; there are: "+listed(versions), "%s keep something of volume %q in layer.%s", strings.Join(makers, " and "), o.volume, o.layer)
	}
	return found[0], nil
}

// listed names a few things, each once.
func listed(names []string) string {
	const most = 20
	slices.Sort(names)
	names = slices.Compact(names)
	more := ""
	if len(names) > most {
		names, more = names[:most], ", …"
	}
	for i := range names {
		names[i] = escape(names[i])
	}
	return strings.Join(names, ", ") + more
}

func (a *App) showRestored(p plan.Policy, h plan.HeldVersion, into string, r providers.Restored) error {
	r.Findings = slices.DeleteFunc(r.Findings, func(f string) bool { return f == fmt.Sprintf("%q is extra", lostFound) })
	fmt.Fprintf(a.Stdout, "Restored %s to %s: %s, %s, as of %s.\n", escape(h.Address()), escape(into), files(h.Receipt.Files),
		quantity.Size(h.Receipt.Bytes).Human(), h.Time.In(p.Timezone.Location()).Format("2006-01-02 15:04"))
	for _, note := range h.Receipt.Notes {
		fmt.Fprintf(a.Stdout, "  when it was made: %s\n", escape(note))
	}
	switch {
	case r.Unproven && len(r.Findings) == 0:
		fmt.Fprintln(a.Stdout, "All files were copied. There is no manifest of the version, so nothing proves their contents.")
	case len(r.Findings) == 0:
		fmt.Fprintln(a.Stdout, "Names, owners, modes, times and contents are what they were when it was made.")
	default:
		for _, f := range r.Findings {
			fmt.Fprintf(a.Stdout, "! %s\n", escape(f))
		}
		return errChanges
	}
	return nil
}

func files(n int64) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}
