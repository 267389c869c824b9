// Package openssh calls the system's ssh the way every part of bkplan does: it
// asks nothing, trusts only hosts that it knows, and opens nothing but the one
// channel. Start at Command; Explain says in plain words why ssh failed. What
// ~/.ssh/config says about hosts, keys and agents applies.
package openssh

import (
	"errors"
	"slices"
)

// options make ssh ask nothing, trust only hosts it knows, open nothing but the
// one channel, and notice when the other end is gone.
var options = []string{
	"-T", "-a", "-x",
	"-o", "BatchMode=yes",
	"-o", "StrictHostKeyChecking=yes",
	"-o", "ConnectTimeout=20",
	"-o", "ServerAliveInterval=15",
	"-o", "ServerAliveCountMax=4",
	"-o", "ClearAllForwardings=yes",
	"-o", "PermitLocalCommand=no",
	"-o", "RemoteCommand=none",
	"-o", "UpdateHostKeys=no",
	"-o", "LogLevel=ERROR",
}

// Command is how another machine is asked.
type Command struct {
	Address      string // user@host:port, or a Host of ssh_config
	IdentityFile string // its name; empty leaves the choice to ssh
	// Socket is the path of the connection that commands share; empty is a
	// connection for this one alone. The first command opens it, and it stays for a
	// while after the last.
	Socket string
}

// shareTime is how long a shared connection stays open, in seconds, when nobody
// ends it.
const shareTime = "60"

// Shell is the argv of ssh up to the name of the host, and that name.
func (c Command) Shell() (argv []string, host string, err error) {
	if c.Address == "" {
		return nil, "", errors.New("there is no address, and this is reached by ssh")
	}
	target, err := ParseAddress(c.Address)
	if err != nil {
		return nil, "", err
	}
	argv = append([]string{"ssh"}, options...)
	if c.Socket == "" {
		argv = append(argv, "-o", "ControlMaster=no", "-o", "ControlPath=none")
	} else {
		argv = append(argv, "-o", "ControlMaster=auto", "-o", "ControlPersist="+shareTime, "-o", "ControlPath="+c.Socket)
	}
	if c.IdentityFile != "" {
		if err := CheckIdentity(c.IdentityFile); err != nil {
			return nil, "", err
		}
		argv = append(argv, "-o", "IdentitiesOnly=yes", "-i", c.IdentityFile)
	}
	return append(argv, target.Options...), target.Name, nil
}

// Argv runs a command over there. Its words reach a shell there as they are,
// joined by blanks: they must be constant, or quoted by Quote.
func (c Command) Argv(remote ...string) ([]string, error) {
	argv, host, err := c.Shell()
	if err != nil {
		return nil, err
	}
	return slices.Concat(argv, []string{"--", host}, remote), nil
}

// Exit is the argv that ends a shared connection.
func (c Command) Exit() ([]string, error) {
	argv, host, err := c.Shell()
	if err != nil {
		return nil, err
	}
	return append(argv, "-O", "exit", "--", host), nil
}
