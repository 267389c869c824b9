// Package monitoring runs the real Pushgateway of Debian's package
// prometheus-pushgateway for tests, on a free port of loopback. Start at Gateway. Its own
// tests run a real Prometheus beside it, with the rules that bkplan makes of a policy.
package monitoring

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// Missing says which of the programs is not here; empty when all are, and where
// BKPLAN_REQUIRE_PROMETHEUS is 1: then a test that needs it fails.
func Missing(programs ...string) string {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("BKPLAN_REQUIRE_PROMETHEUS") != "1" {
			return program + " is missing: test/lab/setup installs it"
		}
	}
	return ""
}

// Require skips a test where a program is Missing.
func Require(t testing.TB, programs ...string) {
	t.Helper()
	if why := Missing(programs...); why != "" {
		t.Skip(why)
	}
}

// Gateway starts a Pushgateway and gives its URL; it ends with the test.
func Gateway(t testing.TB, more ...string) string {
	t.Helper()
	Require(t, "prometheus-pushgateway")
	url, stop, err := Start(more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// Start starts a Pushgateway with more of its own arguments, and waits until it listens.
func Start(more ...string) (url string, stop func(), err error) {
	cmd := exec.Command("prometheus-pushgateway", append([]string{"--web.listen-address=127.0.0.1:0"}, more...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill() // it keeps nothing
		_ = cmd.Wait()
	}
	lines := bufio.NewScanner(stderr)
	said := ""
	for lines.Scan() {
		said += lines.Text() + "\n"
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go func() {
				for lines.Scan() { // or it would wait for a reader
				}
			}()
			return "http://" + found[1], stop, nil
		}
	}
	stop()
	return "", nil, fmt.Errorf("start prometheus-pushgateway: %s", said)
}
