package pfsense

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// goodConfig is a small config.xml.
const goodConfig = `<?xml version="1.0"?>
<pfsense>
	<version>23.3</version>
	<system><hostname>gate &amp; way</hostname><descr><![CDATA[<all> users]]></descr></system>
</pfsense>
`

// firewall is a real sshd on loopback that stands for a pfSense: whatever is
// asked of it, it runs one script.
type firewall struct {
	folder   string
	address  string
	identity string
}

// carelessConfig is what a person may have in ~/.ssh/config, and must not count
// here.
const carelessConfig = `StrictHostKeyChecking no
BatchMode no
LogLevel QUIET
RemoteCommand id
RequestTTY force
LocalForward 192.0.2.1:1 127.0.0.1:1
ExitOnForwardFailure yes
ControlMaster yes
ControlPath /nonexistent/%C
`

// newFirewall starts it. script is a shell script's text; it finds what ssh asked
// for in SSH_ORIGINAL_COMMAND.
func newFirewall(t *testing.T, script string) *firewall {
	t.Helper()
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Skip("sshd is not installed: Debian has it in the package openssh-server")
	}
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("ssh is not installed: Debian has it in the package openssh-client")
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f := &firewall{folder: t.TempDir()}
	f.newKey(t, "host")
	f.identity = f.newKey(t, "client key")
	f.write(t, "authorized_keys", string(f.read(t, "client key.pub")), 0o600)
	f.write(t, "remote", "#!/bin/sh\n"+script, 0o700)
	f.write(t, "sshd_config", strings.Join([]string{
		"HostKey " + filepath.Join(f.folder, "host"),
		"AuthorizedKeysFile " + filepath.Join(f.folder, "authorized_keys"),
		"ForceCommand " + filepath.Join(f.folder, "remote"),
		"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no",
		"SetEnv SHLVL=2", // else bash reads the .bashrc of whoever tests
		"KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password", "LogLevel QUIET", "",
	}, "\n"), 0o600)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	f.address = me.Username + "@" + f.listen(t, sshd)
	f.knowHost(t, "host.pub")
	return f
}

// listen starts an sshd for each connection, and ends them with the test.
func (f *firewall) listen(t *testing.T, sshd string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		cancel()
		running.Wait()
	})
	running.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			socket, err := connection.(*net.TCPConn).File()
			connection.Close()
			if err != nil {
				continue
			}
			running.Go(func() {
				defer socket.Close()
				cmd := exec.CommandContext(ctx, sshd, "-i", "-f", filepath.Join(f.folder, "sshd_config"))
				cmd.Stdin, cmd.Stdout = socket, socket
				_ = cmd.Run()
			})
		}
	})
	return listener.Addr().String()
}

// knowHost makes ssh know the machine by a public key. The client's ssh has a
// configuration of its own here: the only way to it is a program in its place.
func (f *firewall) knowHost(t *testing.T, public string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(f.address[strings.IndexByte(f.address, '@')+1:])
	f.write(t, "known_hosts", fmt.Sprintf("[%s]:%s %s", host, port, f.read(t, public)), 0o600)
	f.write(t, "ssh_config", fmt.Sprintf("UserKnownHostsFile %s\nGlobalKnownHostsFile /dev/null\n%s", filepath.Join(f.folder, "known_hosts"), carelessConfig), 0o600)
	real, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(f.folder, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.write(t, "bin/ssh", fmt.Sprintf("#!/bin/sh\nexec %s -F %s/ssh_config \"$@\"\n", real, f.folder), 0o700)
}

func (f *firewall) newKey(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(f.folder, name)
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	return path
}

func (f *firewall) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.folder, name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func (f *firewall) read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(f.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Run makes a firewall the Runner by which it is reached.
func (f *firewall) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	c.Env = append(c.Env, "PATH="+filepath.Join(f.folder, "bin")+":/usr/bin:/bin")
	return execx.New().Run(ctx, c)
}

func (f *firewall) source() plan.PFSenseSource {
	return plan.PFSenseSource{Address: f.address, IdentityFile: f.identity}
}

// job is a job that fetches an artefact into a new folder.
func job(t *testing.T, source plan.PFSenseSource, artifact string) providers.Job {
	t.Helper()
	return providers.Job{
		Action: plan.Action{Copy: &plan.CopyAction{From: &plan.Access{PFSense: &source, Artifact: artifact}}},
		Into:   t.TempDir(),
	}
}

// only reads the one file that a job may have made.
func only(t *testing.T, j providers.Job, name string) []byte {
	t.Helper()
	entries, err := os.ReadDir(j.Into)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Fatalf("%v, %v", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	content, err := os.ReadFile(filepath.Join(j.Into, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// wantError looks for words in an error, and for secrets that must not be there.
func wantError(t *testing.T, err error, want string, secrets ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%q is not in: %v", want, err)
	}
	for _, secret := range secrets {
		if strings.Contains(err.Error(), secret) || strings.Contains(fmt.Sprintf("%+v %#v", err, err), secret) {
			t.Errorf("the key is in: %v", err)
		}
	}
	for _, c := range err.Error() {
		if c < ' ' {
			t.Errorf("a control character is in: %q", err)
		}
	}
}
