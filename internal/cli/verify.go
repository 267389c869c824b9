package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/run"
	"github.com/bkplan/bkplan/internal/view"
)

type verifyOptions struct {
	planOptions
	data, adopt   bool
	relink        bool
	autoApprove   bool
	json, verbose bool
}

func newVerify(app *App) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Look whether versions are what their receipts say",
		Long: `Compare the versions on this machine's disks with their receipts: names, sizes,
times and modes. With --data all contents are read and compared with the digests
taken when the versions were made, databases are checked, and archives are read
to the end. A receipt that cannot be read is a finding. Nothing is changed, unless
--adopt asks for receipts.

With --relink versions on other machines share the files that are the same in them:
each is built anew, over there, from links to the version after it. It is shown how
many files look the same and how much that would free, and nothing is done before
it is approved. Contents are compared over there; what differs stays as it is.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return untilSignal(func(ctx context.Context) error {
				if o.relink {
					return app.relink(ctx, o)
				}
				return app.verify(ctx, o)
			})
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.data, "data", false, "read all contents too")
	cmd.Flags().BoolVar(&o.adopt, "adopt", false, "give versions that older scripts made a receipt, by a walk of each")
	cmd.Flags().BoolVar(&o.relink, "relink", false, "let versions on other machines share the files that are the same in them")
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask before --relink does something")
	cmd.MarkFlagsMutuallyExclusive("relink", "adopt")
	cmd.MarkFlagsMutuallyExclusive("relink", "data")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON (schema: verify)")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "every finding, and every version without a receipt")
	cmd.MarkFlagsMutuallyExclusive("relink", "json")
	return exitCodes(cmd, "all is as the receipts say", "something is not")
}

func (a *App) verify(ctx context.Context, o verifyOptions) error {
	p, err := a.load(o.policyOptions)
	if err != nil {
		return err
	}
	if err := o.check(p); err != nil {
		return err
	}
	registry := a.observers(p)
	if o.adopt {
		unlock, err := run.Lock(ctx, p.StateDir, 0, a.holder(), func(run.Holder) {})
		if err != nil {
			return lockFailure(err)
		}
		defer func() { _ = unlock() }() // the kernel frees it at the end in any case
		registry = a.doers(p)
	}
	now := a.now()
	defer func() { _ = registry.Close() }() // what is left ends by itself
	observation, err := a.look(ctx, p, registry, now)
	if err != nil {
		return err
	}
	held, blocked := plan.Inventory(p, observation, now, plan.Filter{Layers: o.layers, Volumes: o.volumes})
	if o.adopt {
		far, more := plan.Unproven(p, observation, now, plan.Filter{Layers: o.layers, Volumes: o.volumes})
		held, blocked = append(held, far...), append(blocked, more...)
	}
	if err := unheld(held, blocked, o.volumes); err != nil {
		return err
	}
	document := view.VerifyDocument{Format: view.VerifyFormat, Version: 1, Time: now, Host: observation.Host, Data: o.data, Versions: []view.Verified{}}
	bad := badReceipts(p, observation, o)
	for _, version := range held {
		if ctx.Err() != nil && o.adopt {
			return errors.New("stopped by a signal; receipts that were given stay")
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		v := a.verifyOne(ctx, registry, version, o)
		file := path.Join(version.Destination, receipt.File(version.Layer, version.Version, version.Volume))
		if b, found := bad[file]; found && v.Result == view.VerifyNoReceipt {
			v.Result, v.Findings = b.Result, b.Findings
		}
		delete(bad, file)
		document.Versions = append(document.Versions, v)
	}
	for _, file := range slices.Sorted(maps.Keys(bad)) {
		if len(o.volumes) == 0 { // whose it is is not known
			document.Versions = append(document.Versions, bad[file])
		}
	}
	if err := a.showVerified(document, o); err != nil {
		return err
	}
	return verifyFailure(document, blocked)
}

// unheld finds a pattern that selects no version: a typing error would look as if
// all were well.
func unheld(held []plan.HeldVersion, blocked []plan.LayerStatus, patterns []string) error {
	for _, pattern := range patterns {
		matches := func(h plan.HeldVersion) bool { return plan.Match(pattern, h.Volume) }
		if len(blocked) == 0 && !slices.ContainsFunc(held, matches) {
			return fail("", "no version on a disk is of a volume that matches %q", pattern)
		}
	}
	return nil
}

// badReceipts are the files among the receipts of layers on disks that are none, by
// their paths. The names of volume and version are those of the file, in which some
// characters are written otherwise.
func badReceipts(p plan.Policy, observation plan.Observation, o verifyOptions) map[string]view.Verified {
	found := map[string]view.Verified{}
	for _, l := range p.Layers {
		to, _ := p.Destination(l.To)
		disk, seen := observation.Disk(to.Place())
		chosen := len(o.layers) == 0 || slices.ContainsFunc(o.layers, func(pattern string) bool { return plan.Match(pattern, l.Name) })
		if !seen || to.Kind != plan.DestinationDisk || !chosen {
			continue
		}
		synced := path.Dir(receipt.Path(l.Name, "", "any"))
		for _, b := range disk.Bad {
			if !strings.HasPrefix(b.File, path.Dir(synced)+"/") {
				continue
			}
			at := path.Join(plan.ReceiptFolder, b.File)
			v := view.Verified{
				Layer: l.Name, Volume: strings.TrimSuffix(path.Base(at), path.Ext(at)), Destination: to.Path, Path: at,
				Result: view.VerifyFindings, Findings: []string{at + " is no receipt: " + b.Detail},
			}
			if in := path.Dir(b.File); in != synced {
				v.Version = path.Base(in)
			}
			found[path.Join(to.Path, at)] = v
		}
	}
	return found
}

// verifyOne looks at one version, or gives it the receipt it lacks.
func (a *App) verifyOne(ctx context.Context, registry providers.Registry, h plan.HeldVersion, o verifyOptions) view.Verified {
	v := view.Verified{Layer: h.Layer, Volume: h.Volume, Version: h.Version, Destination: h.Destination, Path: h.Path, Result: view.VerifyFine}
	verifier, ok := registry.Layers[h.Kind].(providers.Verifier)
	if h.Remote != nil {
		v.Destination = plan.Place(h.Remote.Address, h.Destination)
	}
	if !ok {
		v.Result, v.Error = view.VerifyError, providers.ErrUnsupported.Error()
		return v
	}
	var err error
	switch {
	case h.Receipt != nil:
		v.Findings, err = verifier.Verify(ctx, h, o.data)
	case o.adopt:
		v.Result = view.VerifyAdopted
		_, err = verifier.Adopt(ctx, h, a.now())
	default:
		v.Result = view.VerifyNoReceipt
	}
	if len(v.Findings) > 0 {
		v.Result = view.VerifyFindings
	}
	if err != nil {
		v.Result, v.Error = view.VerifyError, err.Error()
	}
	return v
}

func (a *App) showVerified(d view.VerifyDocument, o verifyOptions) error {
	if o.json {
		return view.JSON(a.Stdout, d)
	}
	return view.Verify(a.Stdout, d, a.viewOptions(o.verbose))
}

func verifyFailure(d view.VerifyDocument, blocked []plan.LayerStatus) error {
	for _, l := range blocked {
		return fail(l.Blocked.Unblock, "layer.%s cannot be verified: %s", l.Name, l.Blocked.Detail)
	}
	if n := d.Count(view.VerifyError); n > 0 {
		return fmt.Errorf("%d of %d versions could not be looked at", n, len(d.Versions))
	}
	if d.Count(view.VerifyFindings) > 0 {
		return errChanges
	}
	return nil
}
