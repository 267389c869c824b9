package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/run"
)

// relink is `verify --relink`: a plan of its own, which is carried out as that of
// apply is.
func (a *App) relink(ctx context.Context, o verifyOptions) error {
	p, err := a.load(o.policyOptions)
	if err != nil {
		return err
	}
	if err := o.check(p); err != nil {
		return err
	}
	surviveBrokenPipe()
	unlock, err := run.Lock(ctx, p.StateDir, 0, a.holder(), func(run.Holder) {})
	if err != nil {
		return lockFailure(err)
	}
	defer func() { _ = unlock() }() // the kernel frees it at the end in any case
	options := applyOptions{planOptions: o.planOptions, verbose: o.verbose, autoApprove: o.autoApprove, logFormat: "text"}
	s := a.session(options, p)
	s.registry = a.doers(p)
	defer func() { _ = s.registry.Close() }() // what is left ends by itself
	return s.relink(ctx)
}

func (s session) relink(ctx context.Context) error {
	now := s.now()
	observation, err := s.look(ctx, s.policy, s.registry, now)
	if err != nil {
		return err
	}
	filter := s.options.options().Filter
	asked := plan.BuildRelink(s.policy, observation, now, filter, nil)
	if err := filterFailure(asked); err != nil {
		return err
	}
	shares, unseen := s.shares(ctx, asked.Actions)
	p := plan.BuildRelink(s.policy, observation, now, filter, shares)
	failure := errors.Join(unseen, withBlockedLayers(p, unknownError(observation)))
	if len(p.Actions) == 0 {
		if failure == nil {
			fmt.Fprintln(s.Stdout, "Nothing to relink: what versions on other machines have in common they share already.")
		}
		return failure
	}
	if err := s.showPlan(p, outputOptions{verbose: s.options.verbose}); err != nil && s.attended() {
		return err
	}
	if p.Summary().Changes() > 0 {
		if s.attended() && !isTerminal(s.Stdin) {
			return fail("add --auto-approve", "there is nobody to ask: standard input is no terminal")
		}
		if err := s.approve(ctx); err != nil {
			return err
		}
	}
	return s.carryOut(ctx, p, "", observation, failure)
}

// shares asks what the relinks of each volume would do. The volumes of which it
// cannot be told are in the error, and the others are told.
func (s session) shares(ctx context.Context, relinks []plan.Action) (map[string]plan.Estimate, error) {
	linker, ok := s.registry.Layers[plan.LayerSync].(providers.Linker)
	if !ok {
		return nil, providers.ErrUnsupported
	}
	shares := map[string]plan.Estimate{}
	var failures []error
	for len(relinks) > 0 {
		n := 1
		for n < len(relinks) && sameVolume(relinks[n], relinks[0]) {
			n++
		}
		estimates, err := linker.Shares(ctx, relinks[:n])
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", relinks[0].Address(), err))
		} else {
			maps.Copy(shares, byID(relinks[:n], estimates))
		}
		relinks = relinks[n:]
	}
	return shares, errors.Join(failures...)
}

func sameVolume(a, b plan.Action) bool {
	return a.Layer == b.Layer && a.Volume == b.Volume && a.Copy.Directory == b.Copy.Directory
}

func byID(actions []plan.Action, estimates []plan.Estimate) map[string]plan.Estimate {
	byID := map[string]plan.Estimate{}
	for i, a := range actions {
		byID[a.ID] = estimates[i]
	}
	return byID
}
