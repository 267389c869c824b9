package ssh

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
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
)

// nas is a real sshd on loopback that stands for a Synology: its shell is that of
// BusyBox, which has all else in it, or one whose PATH holds no more than applets.
type nas struct {
	t        *testing.T
	folder   string
	share    string // the path of the destination
	user     string
	address  string
	identity string
	inside   string // the command that runs ssh elsewhere; empty is here
	// functions take the place of programs over there, by name.
	functions map[string]string
}

// applets are what the scripts may use.
var applets = []string{"cat", "date", "df", "id", "ls", "mkdir", "mv", "printf", "rm", "rmdir", "sync", "tar", "test", "[", "wc", "xargs"}

// keeper is a user who is nobody in particular over there.
const keeper = "bkplan-keeper"

const keeperID = 64999

// newNAS starts it for whoever runs the tests.
func newNAS(t *testing.T) *nas {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return startNAS(t, me.Username)
}

// dash gives the NAS the shell of this machine, which runs what is in its PATH.
func (n *nas) dash() {
	n.t.Helper()
	if _, replaced := n.functions["date"]; replaced {
		n.t.Fatal("a program was replaced for the other shell")
	}
	n.functions = nil
	n.replace("sync", "exit 0") // else all that the machine has to write is waited for
	n.writeRemote()
}

// newKeptNAS starts it for a user who is not root. That user is in the passwd file of
// a mount namespace of sshd's own.
func newKeptNAS(t *testing.T) *nas {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run sshd with a user of its own")
	}
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		t.Skipf("needs a mount namespace: %v: %s", err, out)
	}
	return startNAS(t, keeper)
}

func startNAS(t *testing.T, name string) *nas {
	t.Helper()
	t.Parallel()
	for program, where := range map[string]string{"/usr/sbin/sshd": "openssh-server", "ssh": "openssh-client", "busybox": "busybox-static", "rsync": "rsync"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: Debian has it in the package %s", program, where)
		}
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	n := &nas{t: t, folder: openFolder(t), user: name, functions: map[string]string{"sync": ":"}}
	n.share = filepath.Join(n.folder, "volume1", "Back up")
	n.writeKeys()
	n.identity = n.at("client key")
	n.write("authorized_keys", n.read("client key.pub"), 0o644)
	n.makePath()
	n.writeRemote()
	n.write("sshd_config", strings.Join([]string{
		"HostKey " + n.at("host"), "AuthorizedKeysFile " + n.at("authorized_keys"), "ForceCommand " + n.at("remote"),
		"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "MaxSessions 100",
		"SetEnv SHLVL=2", // else bash reads the .bashrc of whoever tests
		"KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password", "LogLevel QUIET", "",
	}, "\n"), 0o600)
	n.write("passwd", fmt.Sprintf("root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n%s:*:%d:%d::%s:/bin/sh\n", keeper, keeperID, keeperID, n.folder), 0o644)
	if err := os.MkdirAll(n.share, 0o755); err != nil {
		t.Fatal(err)
	}
	if name == keeper {
		if err := os.Chown(n.share, keeperID, keeperID); err != nil {
			t.Fatal(err)
		}
	}
	n.address = name + "@" + n.listen()
	n.knowHost("host.pub")
	return n
}

// openFolder is a folder that every user may enter.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "nas")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func (n *nas) at(name string) string { return filepath.Join(n.folder, name) }

func (n *nas) write(name, content string, mode os.FileMode) {
	n.t.Helper()
	if err := os.WriteFile(n.at(name), []byte(content), mode); err != nil {
		n.t.Fatal(err)
	}
}

func (n *nas) read(name string) string {
	n.t.Helper()
	content, err := os.ReadFile(n.at(name))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(content)
}

// makePath makes the folder of programs that the NAS has.
func (n *nas) makePath() {
	n.t.Helper()
	busybox, _ := exec.LookPath("busybox")
	rsync, _ := exec.LookPath("rsync")
	if err := os.Mkdir(n.at("path"), 0o755); err != nil {
		n.t.Fatal(err)
	}
	for _, name := range applets {
		n.link(busybox, name)
	}
	n.link(rsync, "rsync")
	n.link("/bin/sh", "sh")
}

// writeRemote writes what sshd runs, whatever it is told to run. With functions, the
// script that it is told is run by BusyBox after them: a program is not started for
// each word in it, which takes most of the time otherwise.
func (n *nas) writeRemote() {
	n.t.Helper()
	busybox, _ := exec.LookPath("busybox")
	text := "#!" + busybox + " sh\nPATH=" + n.at("path") + "; export PATH\n[ ! -f " + n.at("noise") + " ] || cat " + n.at("noise") + "\n"
	if n.functions != nil {
		before := ""
		for name, body := range n.functions {
			before += name + "() { " + body + "; }\n"
		}
		n.write("functions", before, 0o644)
		text += "case $SSH_ORIGINAL_COMMAND in \"exec sh -c \"*)\neval \"set -- ${SSH_ORIGINAL_COMMAND#exec sh -c }\"\n" +
			"exec " + busybox + " sh -c \"$(cat " + n.at("functions") + ")\n$1\"\nesac\n"
	}
	n.write("remote", text+"exec "+n.at("path/sh")+" -c \"$SSH_ORIGINAL_COMMAND\"\n", 0o755)
}

func (n *nas) link(program, name string) {
	n.t.Helper()
	if err := os.Symlink(program, n.at("path/"+name)); err != nil {
		n.t.Fatal(err)
	}
}

// replace puts a shell script in the place of a program over there.
func (n *nas) replace(name, script string) {
	n.t.Helper()
	if n.functions != nil && name != "rsync" {
		n.functions[name] = script
		n.writeRemote()
		return
	}
	if err := os.Remove(n.at("path/" + name)); err != nil {
		n.t.Fatal(err)
	}
	n.write("path/"+name, "#!/bin/sh\n"+script, 0o755)
}

// listen starts an sshd for each connection, and ends them with the test.
func (n *nas) listen() string {
	n.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	n.t.Cleanup(func() {
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
				cmd := n.sshd(ctx)
				cmd.Stdin, cmd.Stdout = socket, socket
				_ = cmd.Run()
			})
		}
	})
	return listener.Addr().String()
}

func (n *nas) sshd(ctx context.Context) *exec.Cmd {
	argv := []string{"/usr/sbin/sshd", "-i", "-f", n.at("sshd_config")}
	if n.user == keeper {
		argv = append([]string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/passwd && exec "$@"`, n.at("passwd")}, argv...)
	}
	return exec.CommandContext(ctx, argv[0], argv[1:]...)
}

// knowHost makes ssh know the machine by a public key. The client's ssh has a
// configuration of its own here: the only way to it is a program in its place.
func (n *nas) knowHost(public string) {
	n.t.Helper()
	host, port, _ := net.SplitHostPort(n.address[strings.IndexByte(n.address, '@')+1:])
	n.write("known_hosts", fmt.Sprintf("[%s]:%s %s", host, port, n.read(public)), 0o600)
	n.write("ssh_config", fmt.Sprintf("UserKnownHostsFile %s\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking no\nBatchMode no\n", n.at("known_hosts")), 0o600)
	real, _ := exec.LookPath("ssh")
	if err := os.MkdirAll(n.at("bin"), 0o700); err != nil {
		n.t.Fatal(err)
	}
	n.write("bin/ssh", fmt.Sprintf("#!/bin/sh\nexec %s %s -F %s/ssh_config \"$@\"\n", n.inside, real, n.folder), 0o700)
}

// keys are made once: they are for all.
var keys = sync.OnceValues(func() (map[string]string, error) {
	folder, err := os.MkdirTemp("", "keys")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	made := map[string]string{}
	for _, name := range []string{"host", "client key"} {
		if out, err := keygen(filepath.Join(folder, name)); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		for _, file := range []string{name, name + ".pub"} {
			content, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil {
				return nil, err
			}
			made[file] = string(content)
		}
	}
	return made, nil
})

func (n *nas) writeKeys() {
	n.t.Helper()
	made, err := keys()
	if err != nil {
		n.t.Fatal(err)
	}
	for name, content := range made {
		n.write(name, content, 0o600)
	}
}

func keygen(at string) ([]byte, error) {
	return exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at).CombinedOutput()
}

func (n *nas) newKey(name string) string {
	n.t.Helper()
	if out, err := keygen(n.at(name)); err != nil {
		n.t.Fatalf("%v: %s", err, out)
	}
	return n.at(name)
}

// Run makes a NAS the Runner by which it is reached.
func (n *nas) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	c.Env = append(c.Env, "PATH="+n.at("bin")+":/usr/bin:/bin")
	output, err := execx.New().Run(ctx, c)
	if failure := (*execx.Error)(nil); testing.Verbose() && errors.As(err, &failure) {
		n.t.Logf("%q: %s", failure.Argv, failure.Stderr)
	}
	return output, err
}
