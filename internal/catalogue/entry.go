package catalogue

import (
	"strings"

	"golang.org/x/sys/unix"
)

// entry is a name in a folder, and what a look at it told.
type entry struct {
	name string
	stat stat
	// unknown says that it may have changed since without a trace.
	unknown bool
	// mount says that something is mounted there: it is not walked, and compared with
	// all below it every time.
	mount bool
}

// stat is what a change of an entry shows in. The number of the device it lies on is
// left out: a restart may change that, and the time of the last change tells more.
type stat struct {
	mode         uint32 // with the type
	uid, gid     uint32
	names        uint32 // hard links
	major, minor uint32 // of a device node
	size         uint64
	inode        uint64
	modified     stamp
	changed      stamp // ctime
}

// stamp is a time since 1970, of any year.
type stamp struct {
	seconds     int64
	nanoseconds uint32
}

func (t stamp) before(other stamp) bool {
	return t.seconds < other.seconds || t.seconds == other.seconds && t.nanoseconds < other.nanoseconds
}

func (s *stat) isFolder() bool { return s.mode&unix.S_IFMT == unix.S_IFDIR }

func newStat(from *unix.Statx_t) stat {
	return stat{
		mode: uint32(from.Mode), uid: from.Uid, gid: from.Gid, names: from.Nlink, major: from.Rdev_major, minor: from.Rdev_minor,
		size: from.Size, inode: from.Ino,
		modified: stamp{from.Mtime.Sec, from.Mtime.Nsec}, changed: stamp{from.Ctime.Sec, from.Ctime.Nsec},
	}
}

// isMount says that an entry is the root of a mount.
func isMount(from *unix.Statx_t) bool {
	return from.Attributes_mask&from.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// compareNames orders the names in a folder by their bytes; the tree itself, which is
// listed in itself, is first.
func compareNames(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == root:
		return -1
	case b == root:
		return 1
	}
	return strings.Compare(a, b)
}

// below joins a folder and a name in it.
func below(folder, name string) string {
	if folder == root {
		return name
	}
	return folder + "/" + name
}

// within says whether a folder is another one or lies in it.
func within(folder, outer string) bool {
	return outer != "" && (outer == root || folder == outer || strings.HasPrefix(folder, outer) && folder[len(outer)] == '/')
}
