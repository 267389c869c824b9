package ssh

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// tableForm is the end of a line of `df -P`: three numbers, of which the last two
// may be missing, a percentage, and the mount point. What comes before is a device.
var tableForm = regexp.MustCompile(`(?m)^(.*?) +(-?[0-9]+|-) +(-?[0-9]+|-) +(-?[0-9]+|-) +(?:[0-9]+%|-) +(/.*)$`)

// blockSize is what df counts in.
const blockSize = 1024

// fileSystem reads what df and the kernel tell of a path over there.
func fileSystem(f facts) (plan.FileSystem, error) {
	row := tableForm.FindStringSubmatch(f.get("blocks"))
	if row == nil {
		return plan.FileSystem{}, fmt.Errorf("`df -P -k` over there makes no sense: %q", shorten([]byte(f.get("blocks"))))
	}
	system := plan.FileSystem{
		Device: row[1], MountPoint: row[5],
		Size: blockSize * number(row[2]), Free: max(0, blockSize*number(row[4])),
	}
	if row := tableForm.FindStringSubmatch(f.get("inodes")); row != nil && row[5] == system.MountPoint {
		system.Inodes, system.InodesFree = number(row[2]), number(row[4])
	}
	system.Type, system.ReadOnly = mounted(f.get("mounts"), system.MountPoint)
	return system, nil
}

// number reads one of df, which writes a dash for what is not known.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // the form has been checked
	return n
}

// mounted finds what is mounted at a place or, where that is a subvolume, above it.
// The last one at a place hides the others.
func mounted(mounts, place string) (kind string, readOnly bool) {
	best := ""
	for line := range strings.Lines(mounts) {
		words := strings.Fields(line)
		if len(words) < 4 {
			continue
		}
		if at := unescape.Replace(words[1]); below(place, at) && len(at) >= len(best) {
			best, kind, readOnly = at, words[2], slices.Contains(strings.Split(words[3], ","), "ro")
		}
	}
	return kind, readOnly
}

// unescape gives a mount point back what the kernel escapes.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// clock is what time it is over there.
func clock(f facts) time.Time {
	seconds, err := strconv.ParseInt(strings.TrimSpace(f.get("clock")), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
