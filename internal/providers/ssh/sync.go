package ssh

import (
	"context"

	"github.com/bkplan/bkplan/internal/providers"
)

func (p *Provider) sync(context.Context, job) (providers.Result, error) {
	return providers.Result{}, nil
}
