// Package nas runs a real sshd on loopback for tests, which stands for a Synology: its
// shell is that of BusyBox, or one whose PATH holds no more than BusyBox has, and rsync;
// and its user may be nobody in particular. The client's ssh has a configuration of its
// own, in which the machine is called "nas". Start at Start, after a look at Missing.
package nas

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// Keeper is a user who is nobody in particular over there, with this number.
const (
	Keeper   = "bkplan-keeper"
	KeeperID = 64999
)

// server is the program that answers.
const server = "/usr/sbin/sshd"

// Missing says what this machine lacks to run a NAS with that user, who is Keeper,
// or empty for whoever runs the test; nothing where all is there.
func Missing(user string) string {
	for _, needed := range []struct{ program, where string }{
		{server, "openssh-server"}, {"ssh", "openssh-client"}, {"ssh-keygen", "openssh-client"}, {"busybox", "busybox-static"}, {"rsync", "rsync"},
	} {
		if _, err := exec.LookPath(needed.program); err != nil {
			return fmt.Sprintf("%s is not installed: Debian has it in the package %s", needed.program, needed.where)
		}
	}
	if user != Keeper {
		return ""
	}
	if os.Geteuid() != 0 {
		return "needs root, to run sshd with a user of its own"
	}
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		return fmt.Sprintf("needs a mount namespace: %v: %s", err, out)
	}
	return ""
}

// NAS is the machine, and how it is reached. It is used by one goroutine.
type NAS struct {
	Folder   string // holds all that it is made of
	Share    string // path of the destination
	User     string
	Address  string // user@host:port
	Identity string // file of the key that it accepts
	// Inside is the command that runs ssh elsewhere, such as in a network namespace;
	// empty is here. Know makes it hold.
	Inside string
	// Options are put before those that ssh is given, and hold in their place. Know makes
	// them hold.
	Options string
	// Connections is how many there have been.
	Connections atomic.Int64

	functions map[string]string  // take the place of programs, by name; nil after Dash
	stop      context.CancelFunc // nil while nobody listens
	listens   net.Listener
	running   *sync.WaitGroup
}

// Start makes a NAS in a folder, which every user must be able to enter where the
// user is Keeper; empty is whoever runs the test. Close must be called, also when
// there is an error.
func Start(folder, name string) (*NAS, error) {
	n := &NAS{
		Folder: folder, User: name, functions: map[string]string{"sync": ":"}, // else all that the machine has to write is waited for
		Share: filepath.Join(folder, "volume1", "Back up"), Identity: filepath.Join(folder, "client key"),
	}
	if name == "" {
		me, err := user.Current()
		if err != nil {
			return n, err
		}
		n.User = me.Username
	}
	for _, step := range []func() error{n.makeKeys, n.makePath, n.configure, n.makeShare, n.Listen, func() error { return n.Know("host.pub") }} {
		if err := step(); err != nil {
			return n, fmt.Errorf("start a NAS: %w", err)
		}
	}
	return n, nil
}

// At is a path in its folder.
func (n *NAS) At(name string) string { return filepath.Join(n.Folder, name) }

func (n *NAS) write(name, content string, mode os.FileMode) error {
	return os.WriteFile(n.At(name), []byte(content), mode)
}

// keys are made once: they are for all.
var keys = sync.OnceValues(func() (map[string][]byte, error) {
	folder, err := os.MkdirTemp("", "keys")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	made := map[string][]byte{}
	for _, name := range []string{"host", "client key"} {
		if err := generate(filepath.Join(folder, name)); err != nil {
			return nil, err
		}
		for _, file := range []string{name, name + ".pub"} {
			if made[file], err = os.ReadFile(filepath.Join(folder, file)); err != nil {
				return nil, err
			}
		}
	}
	return made, nil
})

func (n *NAS) makeKeys() error {
	made, err := keys()
	for name, content := range made {
		err = errors.Join(err, n.write(name, string(content), 0o600))
	}
	if err != nil {
		return err
	}
	return n.Accept(filepath.Base(n.Identity) + ".pub")
}

// NewKey makes a pair of keys in its folder, NAME and NAME.pub.
func (n *NAS) NewKey(name string) error { return generate(n.At(name)) }

func generate(at string) error {
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make key: %w: %s", err, out)
	}
	return nil
}

// Accept makes a public key of its folder the only one by which it can be entered.
func (n *NAS) Accept(public string) error {
	key, err := os.ReadFile(n.At(public))
	if err != nil {
		return err
	}
	return n.write("authorized_keys", string(key), 0o644)
}

// Greet makes every login print a text before anything else; none where it is empty.
func (n *NAS) Greet(text string) error {
	if text == "" {
		return os.Remove(n.At("noise"))
	}
	return n.write("noise", text, 0o644)
}

func (n *NAS) configure() error {
	config := strings.Join([]string{
		"HostKey " + n.At("host"), "AuthorizedKeysFile " + n.At("authorized_keys"), "ForceCommand " + n.At("remote"),
		"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "MaxSessions 100",
		"SetEnv SHLVL=2", // else bash reads the .bashrc of whoever tests
		"KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password", "LogLevel QUIET", "",
	}, "\n")
	passwd := fmt.Sprintf("root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n%s:*:%d:%d::%s:/bin/sh\n", Keeper, KeeperID, KeeperID, n.Folder)
	return errors.Join(n.writeRemote(), n.write("sshd_config", config, 0o600), n.write("passwd", passwd, 0o644))
}

func (n *NAS) makeShare() error {
	if err := os.MkdirAll(n.Share, 0o755); err != nil {
		return err
	}
	if n.User == Keeper {
		return os.Chown(n.Share, KeeperID, KeeperID)
	}
	return nil
}

// Know makes the client know the machine by a public key of its folder; empty is by
// none. It must be called when the Address or Inside has changed.
//
// ssh reads its configuration from the home of the user by the passwd file: the only
// way to give it another is a program in its place, in the folder "bin".
func (n *NAS) Know(public string) error {
	login, place, _ := strings.Cut(n.Address, "@")
	host, port, err := net.SplitHostPort(place)
	if err != nil {
		return err
	}
	known := ""
	if public != "" {
		key, err := os.ReadFile(n.At(public))
		if err != nil {
			return err
		}
		known = fmt.Sprintf("[%s]:%s %s", host, port, key)
	}
	config := fmt.Sprintf("UserKnownHostsFile %s\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking no\nBatchMode no\nHost nas\nHostName %s\nPort %s\nUser %s\nIdentityFile \"%s\"\n",
		n.At("known_hosts"), host, port, login, n.Identity)
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		return err
	}
	if strings.HasPrefix(ssh, n.Folder) {
		return fmt.Errorf("%s is found in the place of ssh", ssh)
	}
	program := fmt.Sprintf("#!/bin/sh\nexec %s %s %s -F %s/ssh_config \"$@\"\n", n.Inside, ssh, n.Options, n.Folder)
	return errors.Join(os.MkdirAll(n.At("bin"), 0o700), n.write("known_hosts", known, 0o600), n.write("ssh_config", config, 0o600), n.write("bin/ssh", program, 0o700))
}
