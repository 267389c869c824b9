package providers

import (
	"context"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// Route is the Provider of layers whose destination is on this machine or on
// another one: each action goes to the provider of its own.
type Route struct{ Here, Remote Provider }

// Info is that of the slower half: what both can do at once.
func (r Route) Info() Info {
	here, remote := r.Here.Info(), r.Remote.Info()
	return Info{Parallel: min(here.Parallel, remote.Parallel)}
}

// Observe is asked of the halves by themselves.
func (r Route) Observe(context.Context, Target) (Part, error) { return Part{}, ErrUnsupported }

// Do carries out one action.
func (r Route) Do(ctx context.Context, action plan.Action) (Result, error) {
	if action.Copy != nil && action.Copy.Remote != nil {
		return r.Remote.Do(ctx, action)
	}
	return r.Here.Do(ctx, action)
}

// Shares is asked of the other machine.
func (r Route) Shares(ctx context.Context, relinks []plan.Action) ([]plan.Estimate, error) {
	if linker, ok := r.Remote.(Linker); ok {
		return linker.Shares(ctx, relinks)
	}
	return nil, ErrUnsupported
}

// Verify looks at what is on this machine.
func (r Route) Verify(ctx context.Context, version plan.HeldVersion, data bool) ([]string, error) {
	if verifier, ok := r.Here.(Verifier); ok {
		return verifier.Verify(ctx, version, data)
	}
	return nil, ErrUnsupported
}

// Adopt gives a receipt to what is on either machine.
func (r Route) Adopt(ctx context.Context, version plan.HeldVersion, now time.Time) (plan.Receipt, error) {
	side := r.Here
	if version.Remote != nil {
		side = r.Remote
	}
	if adopter, ok := side.(Adopter); ok {
		return adopter.Adopt(ctx, version, now)
	}
	return plan.Receipt{}, ErrUnsupported
}

// Restore fetches from where the version is.
func (r Route) Restore(ctx context.Context, version plan.HeldVersion, into string) (Restored, error) {
	side := r.Here
	if version.Remote != nil {
		side = r.Remote
	}
	if restorer, ok := side.(Restorer); ok {
		return restorer.Restore(ctx, version, into)
	}
	return Restored{}, ErrUnsupported
}
