package tree

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Type is what an entry of a tree is, by the letter that find and ls use.
type Type byte

// The types of entries.
const (
	Folder      Type = 'd'
	File        Type = 'f'
	Symlink     Type = 'l'
	BlockDevice Type = 'b'
	CharDevice  Type = 'c'
	Pipe        Type = 'p'
	Socket      Type = 's'
)

// RootPath is the path of a tree's root in its manifest.
const RootPath = "."

// Entry is one entry of a tree.
type Entry struct {
	// Path is relative to the root, with slashes, and any bytes but zeros. None
	// of its names is empty, "." or "..".
	Path    string
	Type    Type
	Mode    uint32 // permissions, setuid, setgid and sticky bit
	UID     uint32
	GID     uint32
	Size    int64 // bytes; of regular files only
	ModTime time.Time
	Target  string // of a symbolic link
	Major   uint32 // of a device
	Minor   uint32
	Hash    Hash // of a regular file
}

// fill takes what a look at an entry tells.
func (e *Entry) fill(stat *unix.Stat_t) {
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		e.Type = Folder
	case unix.S_IFREG:
		e.Type, e.Size = File, stat.Size
	case unix.S_IFLNK:
		e.Type = Symlink
	case unix.S_IFBLK:
		e.Type = BlockDevice
	case unix.S_IFCHR:
		e.Type = CharDevice
	case unix.S_IFIFO:
		e.Type = Pipe
	default:
		e.Type = Socket
	}
	if e.isDevice() {
		e.Major, e.Minor = unix.Major(stat.Rdev), unix.Minor(stat.Rdev)
	}
	e.Mode, e.UID, e.GID = stat.Mode&0o7777, stat.Uid, stat.Gid
	e.ModTime = time.Unix(stat.Mtim.Unix()).UTC()
}

func (e *Entry) isDevice() bool { return e.Type == BlockDevice || e.Type == CharDevice }

// Compare orders paths as a walk does that goes through each folder by the
// bytes of its names and into a sub-folder when it meets it; the root is first.
func Compare(a, b string) int {
	if a == b {
		return 0
	}
	if a == RootPath || b == RootPath {
		if a == RootPath {
			return -1
		}
		return 1
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return rank(a, n) - rank(b, n)
}

// rank puts the end of a path before a slash, and a slash before all that a
// name may hold.
func rank(path string, at int) int {
	switch {
	case at == len(path):
		return -1
	case path[at] == '/':
		return 0
	default:
		return int(path[at])
	}
}

// below says whether a path lies somewhere in a folder.
func below(path, folder string) bool {
	if folder == RootPath {
		return path != RootPath
	}
	return len(path) > len(folder) && path[len(folder)] == '/' && strings.HasPrefix(path, folder)
}

// parent is the folder that holds an entry; the root's is empty.
func parent(path string) string {
	if path == RootPath {
		return ""
	}
	if cut := strings.LastIndexByte(path, '/'); cut >= 0 {
		return path[:cut]
	}
	return RootPath
}
