// Package pmxcfs mounts a file system like the one at /etc/pve for tests: by FUSE,
// without attributes and ACLs, with fixed owners and rights, open to root alone,
// with other inode numbers each time. Its daemon is a process of its own, which can
// be stopped: then the mount hangs, as one does whose server is gone. Start at Mount;
// a test's TestMain calls Main first.
package pmxcfs

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// role says in the environment that a process is to be the daemon.
const role = "BKPLAN_TEST_PMXCFS"

// Main is the daemon where the process was started for that, and does not return
// then.
func Main() {
	if os.Getenv(role) == "" {
		return
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Missing says what this machine lacks for a mount; nothing where all is there.
func Missing() string {
	if os.Geteuid() != 0 {
		return "needs root"
	}
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return "needs FUSE: " + err.Error()
	}
	_ = device.Close() // nothing was written
	return ""
}

// Mount says what to mount where, and when its daemon stops by itself.
type Mount struct {
	Content string // folder that holds what the mount shows, read-only
	At      string // an empty folder
	// StopAt is the number of the request in which the daemon stops, from 1 on.
	// Whoever made the request waits in the kernel and cannot be killed.
	StopAt int
	// StopAfter is the name of a file after whose first closing it stops. Nobody waits for
	// that request, and who waits for a later one can be killed.
	StopAfter string
}

// Daemon is what answers for a mount.
type Daemon struct {
	at  string
	cmd *exec.Cmd
}

// Start mounts. Close must be called, whatever becomes of the mount.
func (m Mount) Start() (*Daemon, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, m.Content, m.At, strconv.Itoa(m.StopAt), m.StopAfter)
	cmd.Env, cmd.Stderr = append(os.Environ(), role+"=1"), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &Daemon{at: m.At, cmd: cmd}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("mount %q: %w", m.At, err), d.Close())
	}
	return d, nil
}

// Stop makes the mount hang, until Continue.
func (d *Daemon) Stop() error { return d.cmd.Process.Signal(unix.SIGSTOP) }

// Continue lets the daemon answer what it was asked meanwhile.
func (d *Daemon) Continue() error { return d.cmd.Process.Signal(unix.SIGCONT) }

// Stopped says whether the mount hangs.
func (d *Daemon) Stopped() bool { return state(d.cmd.Process.Pid) == "T" }

// AwaitStop waits until it hangs; false is that it does not within the time.
func (d *Daemon) AwaitStop(most time.Duration) bool {
	for range most / poll {
		if d.Stopped() {
			return true
		}
		time.Sleep(poll)
	}
	return false
}

// Close kills the daemon, which frees whoever waits for it, and unmounts.
func (d *Daemon) Close() error {
	err := d.cmd.Process.Kill()
	_ = d.cmd.Wait() // it was killed
	if unmount := unix.Unmount(d.at, unix.MNT_DETACH); unmount != nil && !errors.Is(unmount, unix.EINVAL) {
		err = errors.Join(err, fmt.Errorf("unmount %q: %w", d.at, unmount))
	}
	return err
}
