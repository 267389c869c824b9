package cli_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/cli"
)

// TestUnitsRunCommandsThatExist parses every command line of the homelab's units
// as bkplan itself would, and asks for its help instead of running it.
func TestUnitsRunCommandsThatExist(t *testing.T) {
	var units, stderr bytes.Buffer
	app := &cli.App{Stdin: strings.NewReader(""), Stdout: &units, Stderr: &stderr, Now: time.Now}
	args := []string{"timers", "-f", "../../examples/homelab.hcl", "--var-file", "../../examples/homelab.vars.hcl", "--program", "/usr/bin/bkplan"}
	if code := cli.Main(args, app); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	found := map[string]bool{}
	for line := range strings.Lines(units.String()) {
		command, runs := strings.CutPrefix(line, "ExecStart=:/usr/bin/bkplan ")
		if !runs {
			continue
		}
		call := strings.Fields(strings.ReplaceAll(command, "%I", "weekly"))
		found[call[0]] = true
		stderr.Reset()
		app := &cli.App{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &stderr, Now: time.Now}
		if code := cli.Main(append(call, "--help"), app); code != 0 {
			t.Errorf("%q: %s", call, stderr.String())
		}
	}
	for _, name := range []string{"apply", "runs", "watch"} {
		if !found[name] {
			t.Errorf("no unit runs %s", name)
		}
	}
}
