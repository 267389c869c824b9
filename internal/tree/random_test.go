package tree

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// oddNames are names that a careless program trips over.
var oddNames = []string{
	"plain", "-rf", "--", "new\nline", "tab\t \"quote\" \\", "$(touch x)", "\xff\xfe", "ünïcode", "a", "a.b", "a b",
	"...", ".hidden", " ", "\u2028", strings.Repeat("n", 255), "end 3",
}

// node is what a random tree is made of before it is on a disk.
type node struct {
	name  string
	kind  string
	mode  uint32
	sec   int64
	text  string
	below []node
}

func drawNodes(t *rapid.T, depth int) []node {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(oddNames), 0, 5, rapid.ID[string]).Draw(t, "names")
	kinds := []string{"file", "file", "sparse", "hardlink", "symlink", "pipe", "xattr", "folder", "folder"}
	if os.Geteuid() == 0 {
		kinds = append(kinds, "device")
	}
	var list []node
	for _, name := range names {
		n := node{
			name: name, kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
			mode: rapid.SampledFrom([]uint32{0o644, 0o4755, 0o2750, 0o1777, 0o400, 0o555, 0o700}).Draw(t, "mode"),
			sec:  rapid.Int64Range(-1<<30, 1<<31).Draw(t, "time"),
			text: rapid.SampledFrom([]string{"", "content", "/etc/passwd", "../..", ".", "dangling"}).Draw(t, "text"),
		}
		if n.kind == "folder" && depth > 0 {
			n.below = drawNodes(t, depth-1)
		}
		list = append(list, n)
	}
	return list
}

// build puts nodes on the disk, the last one first if reverse.
func build(tb testing.TB, dir string, nodes []node, reverse bool, first *string) {
	for i := range nodes {
		if reverse {
			i = len(nodes) - 1 - i
		}
		buildOne(tb, filepath.Join(dir, nodes[i].name), nodes[i], reverse, first)
	}
}

func buildOne(tb testing.TB, full string, n node, reverse bool, first *string) {
	switch n.kind {
	case "folder":
		must(tb, os.Mkdir(full, 0o755))
		build(tb, full, n.below, reverse, first)
	case "file", "xattr":
		must(tb, os.WriteFile(full, []byte(n.text), 0o600))
		if n.kind == "xattr" {
			_ = unix.Setxattr(full, "user.test", []byte(n.text), 0) // where it is supported
		}
	case "sparse":
		must(tb, os.WriteFile(full, nil, 0o600))
		must(tb, os.Truncate(full, 3<<20))
	case "hardlink":
		if *first == "" {
			*first = full
			must(tb, os.WriteFile(full, []byte("shared"), 0o600))
			return
		}
		must(tb, os.Link(*first, full))
		return
	case "symlink":
		must(tb, os.Symlink("x"+n.text, full))
	case "pipe":
		must(tb, unix.Mkfifo(full, 0o600))
	case "device":
		must(tb, unix.Mknod(full, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	}
	if n.kind != "symlink" {
		must(tb, unix.Chmod(full, n.mode|0o500))
	}
	times := []unix.Timespec{{}, {Sec: n.sec, Nsec: 123_456_789}}
	must(tb, unix.UtimesNanoAt(unix.AT_FDCWD, full, times, unix.AT_SYMLINK_NOFOLLOW))
}

// fixed gives a root the same attributes each time.
func fixed(tb testing.TB, root string) {
	must(tb, os.Chmod(root, 0o750))
	must(tb, os.Chtimes(root, time.Time{}, time.Unix(-5, 7)))
}

// TestRandomTrees: a link copy is the same tree of the same inodes, its manifest
// is the same, Check agrees, and Remove takes it and nothing else.
func TestRandomTrees(t *testing.T) {
	base, round := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		dir := filepath.Join(base, fmt.Sprint(round))
		from, into := filepath.Join(dir, "from"), filepath.Join(dir, "into")
		must(t, os.MkdirAll(from, 0o700))
		must(t, os.Mkdir(into, 0o700))
		build(t, from, drawNodes(rt, 3), false, new(string))
		fixed(t, from)
		if err := Link(t.Context(), from, into); err != nil {
			rt.Fatal(err)
		}
		before, first := manifest(rt, from, Previous{})
		after, second := manifest(rt, into, Previous{})
		linked, third := manifest(rt, into, Previous{Root: from, Manifest: reader(before), Digest: first.Digest})
		if string(before) != string(after) || string(before) != string(linked) || first != second {
			rt.Fatalf("manifests differ: %+v, %+v, %+v", first, second, third)
		}
		if third.NewBytes != 0 || third.Bytes != first.Bytes {
			rt.Fatalf("a link copy has new bytes: %+v", third)
		}
		sameInodes(rt, from, into)
		if report, err := Check(t.Context(), into, reader(before), CheckOptions{Data: true}); err != nil || report.Total != 0 {
			rt.Fatalf("%+v %v", report, err)
		}
		if err := Remove(t.Context(), into); err != nil {
			rt.Fatal(err)
		}
		if report, err := Check(t.Context(), from, reader(before), CheckOptions{Data: true}); err != nil || report.Total != 0 {
			rt.Fatalf("removing the copy did something to its model: %+v %v", report, err)
		}
	})
}

// TestOrderOfCreation: the digest knows nothing of the order in which names
// were made.
func TestOrderOfCreation(t *testing.T) {
	base, round := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		nodes := drawNodes(rt, 2)
		var digests []string
		for _, reverse := range []bool{false, true} {
			root := filepath.Join(base, fmt.Sprint(round, reverse))
			must(t, os.Mkdir(root, 0o700))
			build(t, root, withoutLinks(nodes), reverse, new(string))
			fixed(t, root)
			_, totals := manifest(rt, root, Previous{})
			digests = append(digests, totals.Digest)
		}
		if digests[0] != digests[1] {
			rt.Fatal(digests)
		}
	})
}

func withoutLinks(nodes []node) []node {
	var list []node
	for _, n := range nodes {
		if n.kind == "hardlink" {
			n.kind = "file"
			n.text = "shared"
		}
		n.below = withoutLinks(n.below)
		list = append(list, n)
	}
	return list
}

func sameInodes(rt *rapid.T, from, into string) {
	err := filepath.Walk(from, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		other, err := os.Lstat(filepath.Join(into, strings.TrimPrefix(path, from)))
		if err == nil && !os.SameFile(info, other) {
			err = fmt.Errorf("%q is no link", path)
		}
		return err
	})
	if err != nil {
		rt.Fatal(err)
	}
}
