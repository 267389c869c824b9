package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/openssh"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/rsync"
)

// What is not kept, for people, and for the sync after.
const (
	noOwners   = "the user over there is not root: owners, ACLs, some modes and device nodes are not kept over there"
	manifested = "the user over there is not root: owners, some modes and device nodes are kept in the manifest only, ACLs not at all"
	noACLs     = "ACLs are not kept: rsync over there cannot"
	noXattrs   = "extended attributes are not kept: rsync over there cannot"
	wholeTimes = " over there compares times by the second" // after the release
)

// keepsMore says whether something is kept now that was not when those notes were made.
func keepsMore(v view, before []string) bool {
	_, now := keep(v, noOwners)
	return slices.ContainsFunc(before, func(note string) bool {
		if note == manifested { // of a mirror that an earlier bkplan made
			note = noOwners
		}
		of := note == noOwners || note == noACLs || note == noXattrs || strings.HasSuffix(note, wholeTimes)
		return of && !slices.Contains(now, note)
	})
}

// keep are the options by which rsync keeps as much of files as the user over there
// may and its rsync can, and what that leaves out, for people: ownerless is what they read
// where that user is not root.
func keep(v view, ownerless string) (options, notes []string) {
	short := "-rlptHS"
	if v.root {
		options = append(options, "--numeric-ids")
		short += "goD"
		if can(v, "ACLs") {
			short += "A"
		} else {
			notes = append(notes, noACLs)
		}
	} else {
		options = append(options, "--chmod=Du+rwx,Fu+rw,ug-s,-t")
		notes = append(notes, ownerless)
	}
	if can(v, "xattrs") {
		short += "X"
	} else {
		notes = append(notes, noXattrs)
	}
	if v.rsync.Before(3, 1, 3) {
		notes = append(notes, fmt.Sprintf("rsync %s%s", v.rsync, wholeTimes))
	} else {
		options = append(options, "--modify-window=-1")
	}
	return append([]string{short}, options...), notes
}

// can says whether rsync over there tells of something that it can do.
func can(v view, capability string) bool {
	return strings.Contains(v.capabilities, capability) && !strings.Contains(v.capabilities, "no "+capability)
}

// ioTimeout ends an rsync that has heard nothing for so long, in seconds.
const ioTimeout = 300

// rsync is the argv that transfers something to a place below the root. Names over
// there go through the connection and not through a shell.
func (j job) rsync(words, sources []string, into string) ([]string, error) {
	shell, host, err := j.Shell()
	if err != nil {
		return nil, err
	}
	argv := []string{"rsync", "-e", shellWords(shell), "-s", "--timeout=" + strconv.Itoa(ioTimeout)}
	if limit := j.Copy.Remote.BandwidthLimit; limit > 0 {
		argv = append(argv, "--bwlimit="+strconv.FormatInt(max(1, int64(limit)/1024), 10))
	}
	if ipv6(host) {
		host = "[" + host + "]"
	}
	to := host + ":" + filepath.Join(j.root(), into)
	if words[len(words)-1] != oneFile {
		to += "/"
	} else {
		words = words[:len(words)-1]
	}
	return slices.Concat(argv, words, []string{"--"}, sources, []string{to}), nil
}

// literal writes a path over there so that rsync there takes it for nothing else: it
// looks for what names with wildcards match. A backslash is one for it, unless there
// is a wildcard.
func literal(path string) string {
	if strings.ContainsAny(path, "*?[") {
		return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
	}
	return path
}

// ipv6 says whether a host is an address with colons, of which rsync takes the first
// for the end of the name.
func ipv6(host string) bool { return strings.Contains(host, ":") }

// oneFile, as the last word, says that the source is one file and its target's name
// is given.
const oneFile = "one file"

// shellWords writes an argv the way rsync reads one: a quote in quotes is doubled.
func shellWords(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		if strings.ContainsAny(word, " \t\n'\"") || word == "" {
			word = "'" + strings.ReplaceAll(word, "'", "''") + "'"
		}
		words[i] = word
	}
	return strings.Join(words, " ")
}

// partial is where rsync keeps what it has of a file when it is cut off.
func (j job) partial() string {
	return "--partial-dir=" + filepath.Join(j.root(), j.workFolder(), "partial")
}

// transfer runs rsync until it has been through once, also when the network breaks.
// stdout is called before each try; nil keeps what it writes.
func (j job) transfer(ctx context.Context, words, sources []string, into string, stdout func() io.Writer) (execx.Output, error) {
	return j.transferNames(ctx, words, sources, nil, into, stdout)
}

// transferNames is transfer with names for rsync's stdin.
func (j job) transferNames(ctx context.Context, words, sources []string, names []byte, into string, stdout func() io.Writer) (execx.Output, error) {
	argv, err := j.rsync(words, sources, into)
	if err != nil {
		return execx.Output{}, err
	}
	var output execx.Output
	err = j.retry(ctx, func() error {
		if j.ready != nil {
			if err := j.ready(ctx); err != nil {
				return err
			}
		}
		output, err = rsync.Run(ctx, j.runner, func() execx.Command {
			command := execx.Command{Argv: argv, Stdin: names}
			if stdout != nil {
				command.Stdout = stdout()
			}
			return command
		})
		return j.explainRsync(err)
	})
	return output, err
}

// VanishedError says that files were gone when their turn came, and all others were
// copied.
type VanishedError struct{ cause error }

func (e *VanishedError) Error() string { return "files vanished from the source while it was copied" }

// Unwrap gives the command's error.
func (e *VanishedError) Unwrap() error { return e.cause }

// noisy are what rsync writes when something else talks in its connection.
var noisy = []string{"is your shell clean", "protocol incompatibility (code 2)", "unexpected tag", "Invalid packet"}

// hopeless says whether what ssh or rsync wrote is no better a while later.
func hopeless(stderr string) bool {
	lasting := append([]string{"No space left on device", "Disk quota exceeded", "Permission denied", "Read-only file system", "command not found"}, noisy...)
	return openssh.Lasting(stderr) || slices.ContainsFunc(lasting, func(text string) bool { return strings.Contains(stderr, text) })
}

// explainRsync says in plain words why rsync failed.
func (j job) explainRsync(err error) error {
	failure := (*execx.Error)(nil)
	if !errors.As(err, &failure) {
		return err
	}
	for _, text := range noisy {
		if strings.Contains(failure.Stderr, text) {
			return fmt.Errorf("%s: something there writes to stdout when the user logs in, such as a line in .profile or .bashrc, and rsync takes it for its own: %w", j.host(), err)
		}
	}
	switch {
	case openssh.Failed(failure):
		return openssh.Explain(j.host(), err)
	case failure.Exit == rsync.ExitVanished:
		return &VanishedError{err}
	}
	return full(failure, fmt.Errorf("%s: %w", j.host(), rsync.Explain(failure)))
}

// spareSynology keeps what a Synology puts into any folder from being deleted. A folder
// of that name here is sent all the same; one that goes stays if there is one in it.
const spareSynology = "--filter=P " + plan.SynologyFolder + "/***"

// excludes leaves out what the action says, and at the root of a copy what bkplan
// keeps there and all that is not named. What is left out is not deleted either.
func excludes(c plan.CopyAction) []string {
	if c.Directory != "." {
		return rsync.Excludes(c.Exclude)
	}
	words := rsync.Excludes(append([]string{"/" + plan.OwnFolder}, c.Exclude...))
	for _, pattern := range c.Only {
		words = append(words, "--include="+pattern)
	}
	return append(words, "--exclude=/*")
}
