package cli_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// terminal INPUT PROGRAM ARG… runs a program on a terminal of 80 columns, types
// INPUT when it asks (^C is the key), and shows all that the terminal did,
// without carriage returns, and the program's end.
func verbTerminal(ts *testscript.TestScript, _ bool, args []string) {
	outside, inside, err := openTerminal()
	ts.Check(err)
	defer outside.Close()
	cmd := command(ts, args[1:])
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inside, inside, inside
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	ts.Check(inside.Close())
	patience := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer patience.Stop()
	shown := converse(outside, strings.NewReplacer("^C", "\x03", `\n`, "\n").Replace(args[0]))
	fmt.Fprint(ts.Stdout(), strings.ReplaceAll(shown, "\r\n", "\n"))
	fmt.Fprintln(ts.Stdout(), "end:", cmd.Wait())
}

// converse reads until the program has closed the terminal.
func converse(outside io.ReadWriter, input string) string {
	var shown strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := outside.Read(buffer)
		shown.Write(buffer[:n])
		if err != nil {
			return shown.String()
		}
		if input != "" && strings.HasSuffix(shown.String(), "goes on: ") {
			if _, err := io.WriteString(outside, input); err != nil {
				return shown.String()
			}
			input = ""
		}
	}
}

func openTerminal() (outside, inside *os.File, err error) {
	outside, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(outside.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err == nil {
		inside, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	return outside, inside, err
}
