package pmxcfs

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// served is the content of a mount, as the daemon keeps it.
type served struct {
	stopAt   int64  // number of the request in which the daemon stops; 0 is none
	stopOver string // name of the file after whose end it stops
	requests atomic.Int64
	over     sync.Once
}

// serve is the daemon: it mounts, says so on its output, and ends with the mount.
func serve(content, at, stopAt, stopOver string) error {
	number, err := strconv.ParseInt(stopAt, 10, 64)
	if err != nil {
		return fmt.Errorf("read number of the request: %w", err)
	}
	s := &served{stopAt: number, stopOver: stopOver}
	server, err := fs.Mount(at, &node{served: s, path: content}, &fs.Options{
		FirstAutomaticIno: 1<<62 + uint64(os.Getpid())<<32, // other numbers with each mount
		MountOptions: fuse.MountOptions{
			SingleThreaded:    true, // so that a request that comes later is answered later
			DirectMountStrict: true, DisableXAttrs: true, FsName: "/dev/fuse", Name: "fuse",
		},
	})
	if err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	fmt.Println("mounted")
	server.Wait()
	return nil
}

// stopHere stops the whole process; it goes on from here when it is continued.
func stopHere() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGSTOP)
}

// count is called in each request, before it is answered.
func (s *served) count() {
	if s.requests.Add(1) == s.stopAt {
		stopHere()
	}
}

// node is a file, a folder or a link.
type node struct {
	fs.Inode
	served *served
	path   string // of what it shows
}

var (
	_ fs.NodeLookuper   = (*node)(nil)
	_ fs.NodeReaddirer  = (*node)(nil)
	_ fs.NodeGetattrer  = (*node)(nil)
	_ fs.NodeReadlinker = (*node)(nil)
	_ fs.NodeOpener     = (*node)(nil)
	_ fs.NodeReader     = (*node)(nil)
	_ fs.NodeReleaser   = (*node)(nil)
	_ fs.NodeStatfser   = (*node)(nil)
)

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n.served.count()
	child := &node{served: n.served, path: filepath.Join(n.path, name)}
	if errno := child.attributes(&out.Attr); errno != 0 {
		return nil, errno
	}
	kind := out.Mode & syscall.S_IFMT
	if known := n.GetChild(name); known != nil && known.Mode() == kind {
		return known, 0
	}
	return n.NewInode(ctx, child, fs.StableAttr{Mode: kind}), 0
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.served.count()
	return n.attributes(&out.Attr)
}

// attributes gives everything to root and www-data, with rights that nobody
// changes.
func (n *node) attributes(out *fuse.Attr) syscall.Errno {
	var stat syscall.Stat_t
	if err := syscall.Lstat(n.path, &stat); err != nil {
		return fs.ToErrno(err)
	}
	out.Size, out.Nlink, out.Gid = uint64(stat.Size), 1, 33
	out.Mtime, out.Ctime, out.Atime = uint64(stat.Mtim.Sec), uint64(stat.Mtim.Sec), uint64(stat.Mtim.Sec)
	switch kind := stat.Mode & syscall.S_IFMT; kind {
	case syscall.S_IFDIR:
		out.Mode = kind | 0o755
	case syscall.S_IFLNK:
		out.Mode = kind | 0o777
	default:
		out.Mode = kind | 0o640
	}
	return 0
}

func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	n.served.count()
	return fs.NewLoopbackDirStream(n.path)
}

func (n *node) Readlink(context.Context) ([]byte, syscall.Errno) {
	n.served.count()
	to, err := os.Readlink(n.path)
	return []byte(to), fs.ToErrno(err)
}

func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	n.served.count()
	file, err := os.Open(n.path)
	if err != nil {
		return nil, 0, fs.ToErrno(err)
	}
	return file, 0, 0
}

func (n *node) Read(_ context.Context, handle fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n.served.count()
	read, err := handle.(*os.File).ReadAt(dest, off)
	if err != nil && err != io.EOF {
		return nil, fs.ToErrno(err)
	}
	return fuse.ReadResultData(dest[:read]), 0
}

// Release is what nobody waits for, so that whoever comes after it can be killed.
func (n *node) Release(_ context.Context, handle fs.FileHandle) syscall.Errno {
	_ = handle.(*os.File).Close() // it was only read
	n.served.count()
	if n.served.stopOver != "" && filepath.Base(n.path) == n.served.stopOver {
		n.served.over.Do(stopHere)
	}
	return 0
}

func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	n.served.count()
	out.Blocks, out.Bfree, out.Bavail, out.Bsize, out.Frsize = 32768, 32000, 32000, 4096, 4096
	return 0
}

// state is the letter that the kernel has for what a process does, "T" when it is
// stopped; empty when there is none.
func state(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(text), ") ")
	return after[:min(1, len(after))]
}

// poll is how often a look at the daemon is repeated.
const poll = 5 * time.Millisecond
