package openssh

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
)

// failed is the exit of ssh when the remote command has not ended by itself.
const failed = 255

// symptom is something that ssh writes.
type symptom struct {
	text, meaning string
	lasting       bool // it is no better a minute later
}

// symptoms are in the order in which they count.
var symptoms = []symptom{
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", "its host key is not the one that this machine knows: it was installed anew, or somebody is in between; compare the keys before known_hosts is changed", true},
	{"REVOKED HOST KEY", "its host key is revoked on this machine", true},
	{"Host key verification failed", "this machine does not know its host key: connect once by hand, compare the key, and accept it", true},
	{"Permission denied (", "it does not accept the key", true},
	{"Too many authentication failures", "it does not accept the key", true},
	{"Bad owner or permissions", "ssh refuses its own configuration", true},
	{"Bad configuration option", "ssh refuses its own configuration", true},
	{"Unable to negotiate", "it speaks no cipher that this machine allows", true},
	{"Temporary failure in name resolution", "its name cannot be resolved", false},
	{"Could not resolve hostname", "its name cannot be resolved", true},
	{"Connection refused", "nothing listens there: is ssh switched on, and the port right?", false},
	{"No route to host", "it cannot be reached", false},
	{"Network is unreachable", "it cannot be reached", false},
	{"timed out", "it does not answer", false},
	{"not responding", "the connection was lost: it stopped answering", false},
	{"Connection reset", "the connection was lost", false},
	{"Connection closed", "the connection was lost", false},
	{"closed by remote host", "the connection was lost", false},
	{"Broken pipe", "the connection was lost", false},
}

// find gives the first symptom in what was written.
func find(stderr string) (symptom, bool) {
	for _, s := range symptoms {
		if strings.Contains(stderr, s.text) {
			return s, true
		}
	}
	return symptom{}, false
}

// Explain says in plain words why a command over ssh failed. An error of the
// command over there, or of another kind, is given back as it is, with the address.
func Explain(address string, err error) error {
	failure := (*execx.Error)(nil)
	if !errors.As(err, &failure) {
		return err
	}
	switch {
	case failure.Reason == execx.ReasonTimeout:
		return fmt.Errorf("%s: not done within the time limit: %w", address, err)
	case !Failed(failure):
		return fmt.Errorf("%s: %w", address, err)
	}
	if s, known := find(failure.Stderr); known {
		return fmt.Errorf("%s: %s: %w", address, s.meaning, err)
	}
	return fmt.Errorf("%s: ssh failed: %w", address, err)
}

// Failed says whether it was ssh that failed, and not the command over there.
func Failed(failure *execx.Error) bool {
	return failure.Reason == execx.ReasonExit && failure.Exit == failed
}

// Lasting says whether ssh gave a reason that no second try mends.
func Lasting(stderr string) bool {
	s, known := find(stderr)
	return known && s.lasting
}

var release = regexp.MustCompile(`^OpenSSH_[A-Za-z0-9._]+`)

// Release finds ssh's release in what `ssh -V` writes to stderr; empty when it is
// not there.
func Release(stderr string) string { return release.FindString(stderr) }
