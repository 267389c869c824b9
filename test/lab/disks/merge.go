package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

// filled says what an image cannot: of which device of the host it is a stand-in,
// and what lies on it.
var filled = map[string]struct {
	device        string
	bytes, inodes int64 // in use
	fileSystem    string
}{
	"/":           {"252:1", 412 << 30, 1_204_388, "ext4"},
	"/srv/nfs":    {"252:8", 4310 << 30, 6_911_207, "ext4"},
	"/etc/pve":    {"0:41", 36 << 10, 48, "fuse"}, // Proxmox serves it by a program
	"/mnt/backup": {"252:0", 512 << 30, 391_207, "ext4"},
}

// merge gives the recorded observation the trees and disks of another one, in
// place of its own, and the NAS.
func merge(recorded, observed plan.Observation) (plan.Observation, error) {
	for _, u := range observed.Unknown {
		if isHere(u.Address) {
			return recorded, fmt.Errorf("%s could not be observed: %s", u.Address, u.Detail)
		}
	}
	recorded.Trees, recorded.Disks = observed.Trees, observed.Disks
	recorded.Unknown = slices.DeleteFunc(recorded.Unknown, func(u plan.Unknown) bool { return isHere(u.Address) })
	for i := range recorded.Trees {
		if err := fill(&recorded.Trees[i].FileSystem); err != nil {
			return recorded, err
		}
	}
	for i := range recorded.Disks {
		if err := fill(&recorded.Disks[i].FileSystem); err != nil {
			return recorded, err
		}
		if d := recorded.Disks[i]; d.Path == backupDisk {
			recorded.Disks = append(recorded.Disks, nas(d, recorded.Trees, recorded.Time)...)
			break
		}
	}
	return recorded, nil
}

// isHere says whether something that is unknown is what record-disks lays out.
func isHere(address string) bool {
	return strings.HasPrefix(address, plan.TreeAddress("/")) || strings.HasPrefix(address, plan.DiskAddress("/"))
}

func fill(fs *plan.FileSystem) error {
	f, known := filled[fs.MountPoint]
	if !known {
		return fmt.Errorf("nothing should be mounted at %q", fs.MountPoint)
	}
	fs.Device, fs.Type = f.device, f.fileSystem
	fs.Free -= f.bytes
	fs.InodesFree -= f.inodes
	return nil
}
