package pfsense

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
)

// sshOptions make ssh ask nothing, trust only hosts it knows, open nothing but
// the one channel, and notice when the other end is gone.
var sshOptions = []string{
	"-T", "-a", "-x",
	"-o", "BatchMode=yes",
	"-o", "StrictHostKeyChecking=yes",
	"-o", "ConnectTimeout=20",
	"-o", "ServerAliveInterval=15",
	"-o", "ServerAliveCountMax=4",
	"-o", "ClearAllForwardings=yes",
	"-o", "PermitLocalCommand=no",
	"-o", "RemoteCommand=none",
	"-o", "ControlMaster=no",
	"-o", "ControlPath=none",
	"-o", "UpdateHostKeys=no",
	"-o", "LogLevel=ERROR",
}

// sshCommand is the command that runs a fixed one on the pfSense. Its words
// reach a shell there as they are, so they hold nothing that is special to one.
func sshCommand(source plan.PFSenseSource, remote []string) ([]string, error) {
	if source.Address == "" {
		return nil, errors.New("the source has no address, and this is fetched by ssh")
	}
	target, err := address(source.Address)
	if err != nil {
		return nil, err
	}
	argv := append([]string{"ssh"}, sshOptions...)
	if source.IdentityFile != "" {
		if err := checkIdentity(source.IdentityFile); err != nil {
			return nil, err
		}
		argv = append(argv, "-o", "IdentitiesOnly=yes", "-i", source.IdentityFile)
	}
	return append(append(argv, target...), remote...), nil
}

// fetch runs a fixed command on the pfSense and hands its output to w. It gives
// the end of what was said on stderr.
func (p *Producer) fetch(ctx context.Context, source plan.PFSenseSource, remote []string, timeout time.Duration, w io.Writer) (string, error) {
	argv, err := sshCommand(source, remote)
	if err != nil {
		return "", err
	}
	output, err := p.runner.Run(ctx, execx.Command{Argv: argv, Timeout: timeout, Stdout: w})
	if err != nil {
		return output.Stderr, explain(source.Address, err)
	}
	return output.Stderr, nil
}

// sshFailed is the exit of ssh when the remote command has not ended by itself.
const sshFailed = 255

// symptoms are what ssh writes, in the order in which it counts, and what that
// means.
var symptoms = []struct{ text, meaning string }{
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", "its host key is not the one that this machine knows: it was installed anew, or somebody is in between; compare the keys before known_hosts is changed"},
	{"REVOKED HOST KEY", "its host key is revoked on this machine"},
	{"Host key verification failed", "this machine does not know its host key: connect once by hand, compare the key, and accept it"},
	{"Permission denied (", "it does not accept the key"},
	{"Too many authentication failures", "it does not accept the key"},
	{"Could not resolve hostname", "its name cannot be resolved"},
	{"Connection refused", "nothing listens there: is ssh switched on, and the port right?"},
	{"No route to host", "it cannot be reached"},
	{"Network is unreachable", "it cannot be reached"},
	{"timed out", "it does not answer"},
	{"not responding", "the connection was lost: it stopped answering"},
	{"Connection reset", "the connection was lost"},
	{"Connection closed", "the connection was lost"},
	{"closed by remote host", "the connection was lost"},
	{"Broken pipe", "the connection was lost"},
}

// explain says in plain words why ssh failed.
func explain(address string, err error) error {
	failure := (*execx.Error)(nil)
	if !errors.As(err, &failure) {
		return err
	}
	switch {
	case failure.Reason == execx.ReasonTimeout:
		return fmt.Errorf("%s: not done within the time limit: %w", address, err)
	case failure.Reason != execx.ReasonExit || failure.Exit != sshFailed:
		return fmt.Errorf("%s: %w", address, err)
	}
	for _, symptom := range symptoms {
		if strings.Contains(failure.Stderr, symptom.text) {
			return fmt.Errorf("%s: %s: %w", address, symptom.meaning, err)
		}
	}
	return fmt.Errorf("%s: ssh failed: %w", address, err)
}

var sshRelease = regexp.MustCompile(`^OpenSSH_[A-Za-z0-9._]+`)

// sshTool is the release of ssh, for a receipt; none where it does not tell.
func (p *Producer) sshTool(ctx context.Context) map[string]string {
	output, err := p.runner.Run(ctx, execx.Command{Argv: []string{"ssh", "-V"}, Timeout: time.Minute})
	release := sshRelease.FindString(output.Stderr)
	if err != nil || release == "" {
		return nil
	}
	return map[string]string{"ssh": release}
}
