package lvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// host is where the kernel of this machine shows its devices and mounts.
type host struct {
	dev, sys string
	mounts   string // a file like /proc/self/mountinfo
}

var thisHost = host{dev: "/dev", sys: "/sys", mounts: "/proc/self/mountinfo"}

// device is a block device and a node of it.
type device struct {
	path   string
	number string // "254:3"
}

// mapping is a device of the device mapper, as sysfs shows it.
type mapping struct {
	node       string // "dm-3"
	name, uuid string // those of the device mapper
	number     string
}

// mappings lists all devices of the device mapper.
func (h host) mappings() ([]mapping, error) {
	folders, err := filepath.Glob(filepath.Join(h.sys, "block", "dm-*"))
	if err != nil {
		return nil, err
	}
	var list []mapping
	for _, folder := range folders {
		name, err := readLine(filepath.Join(folder, "dm", "name"))
		if os.IsNotExist(err) {
			continue // it has just gone
		}
		if err != nil {
			return nil, err
		}
		uuid, _ := readLine(filepath.Join(folder, "dm", "uuid"))
		number, _ := readLine(filepath.Join(folder, "dev"))
		list = append(list, mapping{node: filepath.Base(folder), name: name, uuid: uuid, number: number})
	}
	return list, nil
}

func readLine(file string) (string, error) {
	text, err := os.ReadFile(file)
	return strings.TrimSuffix(string(text), "\n"), err
}

// isVolume says whether a mapping is the logical volume with this UUID.
func (m mapping) isVolume(uuid string) bool {
	plain := strings.ReplaceAll(uuid, "-", "")
	return plain != "" && strings.HasPrefix(m.uuid, "LVM-") && strings.HasSuffix(m.uuid, plain)
}

// isLUKS says whether a mapping was made by cryptsetup.
func (m mapping) isLUKS() bool { return strings.HasPrefix(m.uuid, "CRYPT-LUKS") }

// find looks for a mapping that is there, with a node that is its own.
func (h host) find(wanted func(mapping) bool) (device, bool, error) {
	all, err := h.mappings()
	if err != nil {
		return device{}, false, err
	}
	for _, m := range all {
		if !wanted(m) {
			continue
		}
		for _, node := range []string{filepath.Join(h.dev, "mapper", m.name), filepath.Join(h.dev, m.node)} {
			if number, err := deviceNumber(node); err == nil && number == m.number {
				return device{node, number}, true, nil
			}
		}
	}
	return device{}, false, nil
}

// deviceNumber tells of which block device a file is a node.
func deviceNumber(node string) (string, error) {
	var stat unix.Stat_t
	if err := unix.Stat(node, &stat); err != nil {
		return "", fmt.Errorf("look at %s: %w", node, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFBLK {
		return "", fmt.Errorf("%s is no block device", node)
	}
	return fmt.Sprintf("%d:%d", unix.Major(stat.Rdev), unix.Minor(stat.Rdev)), nil
}

// await looks until a device is there: udev may be late with its node, or not
// run at all, and then the kernel's own node has to do.
func (o *Opener) await(ctx context.Context, what string, wanted func(mapping) bool) (device, error) {
	for range o.limits.tries {
		found, ok, err := o.host.find(wanted)
		if err != nil {
			return device{}, fmt.Errorf("look for the device of %s: %w", what, err)
		}
		if ok {
			return found, nil
		}
		if err := o.wait(ctx); err != nil {
			return device{}, fmt.Errorf("wait for the device of %s: %w", what, err)
		}
	}
	return device{}, fmt.Errorf("there is no device of %s", what)
}

// wait pauses before the next look.
func (o *Opener) wait(ctx context.Context) error {
	select {
	case <-time.After(o.limits.pause):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// mapperName is the name of a logical volume's device for the device mapper.
func mapperName(group, name string) string {
	return strings.ReplaceAll(group, "-", "--") + "-" + strings.ReplaceAll(name, "-", "--")
}

// volumeName undoes mapperName.
func volumeName(mapper string) (group, name string, ok bool) {
	const hyphen = "\x00" // no name has one
	group, name, ok = strings.Cut(strings.ReplaceAll(mapper, "--", hyphen), "-")
	return strings.ReplaceAll(group, hyphen, "-"), strings.ReplaceAll(name, hyphen, "-"), ok
}
