// Package rsync knows the system's rsync: its releases (Ask), the options that keep
// all of a file (Archive), and what its words and exits mean (Explain, Deleted). It
// runs nothing but `rsync --version`.
package rsync

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
)

// Release is a version of rsync; the zero value is not known.
type Release struct{ Major, Minor, Patch int }

func (r Release) String() string { return fmt.Sprintf("%d.%d.%d", r.Major, r.Minor, r.Patch) }

// Before says whether the release is older than another one.
func (r Release) Before(major, minor, patch int) bool {
	switch {
	case r.Major != major:
		return r.Major < major
	case r.Minor != minor:
		return r.Minor < minor
	}
	return r.Patch < patch
}

var releaseForm = regexp.MustCompile(`(?m)^rsync +version v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?`)

// ParseRelease finds the release in what `rsync --version` writes.
func ParseRelease(text string) (Release, bool) {
	found := releaseForm.FindStringSubmatch(text)
	if found == nil {
		return Release{}, false
	}
	var r Release
	for i, part := range []*int{&r.Major, &r.Minor, &r.Patch} {
		*part, _ = strconv.Atoi(found[i+1]) // a missing patch is 0
	}
	return r, true
}

// Ask asks this machine's rsync what it is. One before 3.2 is refused: it cannot
// tell two changes of the same second apart from none.
func Ask(ctx context.Context, runner execx.Runner) (Release, error) {
	output, err := runner.Run(ctx, execx.Command{Argv: []string{"rsync", "--version"}, Timeout: time.Minute})
	if err != nil {
		return Release{}, err
	}
	seen, ok := ParseRelease(string(output.Stdout))
	switch {
	case !ok:
		return Release{}, errors.New("`rsync --version` does not say which version of rsync it is; 3.2 or newer is needed")
	case seen.Before(3, 2, 0):
		return Release{}, fmt.Errorf("rsync %s is too old: 3.2 or newer is needed", seen)
	}
	return seen, nil
}
