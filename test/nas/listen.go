package nas

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Listen begins to answer, at the Address once there is one. Each connection has an
// sshd of its own.
func (n *NAS) Listen() error {
	if n.stop != nil {
		return nil
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return err
		}
	}
	_, at, _ := strings.Cut(n.Address, "@")
	listener, err := net.Listen("tcp", cmp.Or(at, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	n.listens, n.stop, n.running = listener, stop, &sync.WaitGroup{}
	n.Address = n.User + "@" + listener.Addr().String()
	running := n.running
	running.Go(func() { n.accept(ctx, listener, running) })
	return nil
}

func (n *NAS) accept(ctx context.Context, listener net.Listener, running *sync.WaitGroup) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		n.Connections.Add(1)
		socket, err := connection.(*net.TCPConn).File()
		_ = connection.Close() // the socket stays open
		if err != nil {
			continue
		}
		running.Go(func() {
			defer socket.Close()
			cmd := n.sshd(ctx)
			cmd.Stdin, cmd.Stdout = socket, socket
			_ = cmd.Run() // the client tells what went wrong
		})
	}
}

func (n *NAS) sshd(ctx context.Context) *exec.Cmd {
	argv := []string{server, "-i", "-f", n.At("sshd_config")}
	if n.User == Keeper { // who is in the passwd file of a mount namespace
		argv = append([]string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/passwd && exec "$@"`, n.At("passwd")}, argv...)
	}
	return exec.CommandContext(ctx, argv[0], argv[1:]...)
}

// Close ends all connections and answers nobody until Listen.
func (n *NAS) Close() error {
	if n.stop == nil {
		return nil
	}
	err := n.listens.Close()
	n.stop()
	n.stop = nil
	n.running.Wait()
	return err
}
