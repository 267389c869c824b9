package pfsense

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/openssh"
	"github.com/bkplan/bkplan/internal/plan"
)

// fetch runs a fixed command on the pfSense, whose words reach a shell there as they
// are, and hands its output to w. It gives
// the end of what was said on stderr.
func (p *Producer) fetch(ctx context.Context, source plan.PFSenseSource, remote []string, timeout time.Duration, w io.Writer) (string, error) {
	if source.Address == "" {
		return "", errors.New("the source has no address, and this is fetched by ssh")
	}
	argv, err := openssh.Command{Address: source.Address, IdentityFile: source.IdentityFile}.Argv(remote...)
	if err != nil {
		return "", err
	}
	output, err := p.runner.Run(ctx, execx.Command{Argv: argv, Timeout: timeout, Stdout: w})
	if err != nil {
		return output.Stderr, openssh.Explain(source.Address, err)
	}
	return output.Stderr, nil
}

// sshTool is the release of ssh, for a receipt; none where it does not tell.
func (p *Producer) sshTool(ctx context.Context) map[string]string {
	output, err := p.runner.Run(ctx, execx.Command{Argv: []string{"ssh", "-V"}, Timeout: time.Minute})
	release := openssh.Release(output.Stderr)
	if err != nil || release == "" {
		return nil
	}
	return map[string]string{"ssh": release}
}
