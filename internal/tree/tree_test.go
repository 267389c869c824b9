package tree

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

type fataler interface {
	Helper()
	Fatal(...any)
}

func manifest(t fataler, root string, previous Previous) ([]byte, Totals) {
	t.Helper()
	var b bytes.Buffer
	totals, err := WriteManifest(context.Background(), root, previous, &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), totals
}

func reader(b []byte) io.Reader { return bytes.NewReader(b) }

// sample makes a small tree with one file in a folder.
func sample(t *testing.T) (root, file string) {
	root = filepath.Join(t.TempDir(), "root")
	must(t, os.MkdirAll(filepath.Join(root, "folder"), 0o755))
	file = filepath.Join(root, "folder", "file")
	must(t, os.WriteFile(file, []byte("content"), 0o644))
	must(t, os.Symlink("target", filepath.Join(root, "link")))
	return root, file
}

func TestCheckFindsEveryChange(t *testing.T) {
	needRoot := func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root can do that")
		}
	}
	past := time.Unix(1e9, 0)
	for name, test := range map[string]struct {
		do   func(t *testing.T, root, file string)
		kind FindingKind
		what string
	}{
		"mode":    {func(t *testing.T, _, file string) { must(t, os.Chmod(file, 0o600)) }, Changed, "mode"},
		"time":    {func(t *testing.T, _, file string) { must(t, os.Chtimes(file, past, past)) }, Changed, "time"},
		"owner":   {func(t *testing.T, _, file string) { needRoot(t); must(t, os.Chown(file, 7, 0)) }, Changed, "owner"},
		"group":   {func(t *testing.T, _, file string) { needRoot(t); must(t, os.Chown(file, 0, 7)) }, Changed, "owner"},
		"size":    {func(t *testing.T, _, file string) { must(t, os.Truncate(file, 3)) }, Changed, "size"},
		"content": {func(t *testing.T, _, file string) { rot(t, file) }, Changed, "content"},
		"target": {func(t *testing.T, root, _ string) {
			must(t, os.Remove(filepath.Join(root, "link")))
			must(t, os.Symlink("TARGET", filepath.Join(root, "link")))
		}, Changed, "target"},
		"type": {func(t *testing.T, _, file string) {
			must(t, os.Remove(file))
			must(t, os.Symlink("/etc/passwd", file))
		}, Changed, "type"},
		"missing": {func(t *testing.T, _, file string) { must(t, os.Remove(file)) }, Missing, ""},
		"extra":   {func(t *testing.T, _, file string) { must(t, os.Mkdir(file+"2", 0o755)) }, Extra, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root, file := sample(t)
			before, _ := manifest(t, root, Previous{})
			test.do(t, root, file)
			report, err := Check(t.Context(), root, reader(before), CheckOptions{Data: true})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(report.Findings, func(f Finding) bool {
				return f.Kind == test.kind && (test.what == "" || slices.Contains(f.Changed, test.what))
			}) {
				t.Errorf("%+v", report)
			}
		})
	}
}

// rot changes a byte and nothing that stat tells.
func rot(t *testing.T, file string) {
	info, err := os.Stat(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte("cOntent"), 0))
	must(t, os.Chtimes(file, info.ModTime(), info.ModTime()))
}

func TestCheckCountsWhatItDoesNotKeep(t *testing.T) {
	root, _ := sample(t)
	before, _ := manifest(t, root, Previous{})
	makeFiles(t, filepath.Join(root, "more"), MaxFindings+5, 3)
	report, err := Check(t.Context(), root, reader(before), CheckOptions{})
	if err != nil || !report.Truncated() || len(report.Findings) != MaxFindings || report.Total < MaxFindings+5 {
		t.Errorf("%d of %d: %v", len(report.Findings), report.Total, err)
	}
}

// A hash is only taken from the manifest before for a file nobody touched.
func TestPreviousHashesAreOnlyForUntouchedFiles(t *testing.T) {
	root, file := sample(t)
	before, first := manifest(t, root, Previous{})
	into := filepath.Join(t.TempDir(), "into")
	must(t, os.Mkdir(into, 0o700))
	must(t, Link(t.Context(), root, into))
	rot(t, file)
	_, linked := manifest(t, into, Previous{Root: root, Manifest: reader(before)})
	if linked.Digest != first.Digest {
		t.Error("a file was read though it is the one that was hashed before")
	}
	must(t, os.Chtimes(file, time.Unix(5, 0), time.Unix(5, 0)))
	after, _ := manifest(t, into, Previous{Root: root, Manifest: reader(before)})
	fresh, _ := manifest(t, into, Previous{})
	if !bytes.Equal(after, fresh) {
		t.Error("the hash of a file that was written to is the old one")
	}
	_, err := WriteManifest(t.Context(), into, Previous{Root: root, Manifest: reader(before), Digest: "sha256:0"}, io.Discard)
	if !errors.Is(err, ErrManifest) {
		t.Errorf("another manifest than the receipt's was used: %v", err)
	}
}

func TestNewBytes(t *testing.T) {
	root, _ := sample(t)
	into := filepath.Join(t.TempDir(), "into")
	must(t, os.Mkdir(into, 0o700))
	must(t, Link(t.Context(), root, into))
	// A new name, before the old one in order, of a file that is not new.
	must(t, os.Link(filepath.Join(into, "folder/file"), filepath.Join(into, "another")))
	must(t, os.WriteFile(filepath.Join(into, "new"), []byte("12345"), 0o600))
	must(t, os.Link(filepath.Join(into, "new"), filepath.Join(into, "newer")))
	_, totals := manifest(t, into, Previous{Root: root})
	if totals.NewBytes != 5 || totals.Bytes != 12 || totals.Files != 5 || totals.Directories != 2 {
		t.Errorf("%+v", totals)
	}
}

func plain(t *testing.T, b []byte) string {
	z, err := gzip.NewReader(reader(b))
	must(t, err)
	text, err := io.ReadAll(z)
	must(t, err)
	return string(text)
}

func packed(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

func TestBadManifests(t *testing.T) {
	root, _ := sample(t)
	good, _ := manifest(t, root, Previous{})
	text := plain(t, good)
	replace := func(old, new string) []byte {
		if !strings.Contains(text, old) {
			t.Fatalf("no %q in %s", old, text)
		}
		return packed(strings.Replace(text, old, new, 1))
	}
	lines := strings.SplitAfter(text, "\n")
	for name, bad := range map[string][]byte{
		"empty":        nil,
		"no gzip":      []byte(text),
		"cut":          good[:len(good)-12],
		"cut, packed":  packed(strings.Join(lines[:len(lines)-2], "")),
		"cut line":     packed(text[:len(text)/2]),
		"line lost":    packed(lines[0] + lines[1] + strings.Join(lines[3:], "")),
		"newer":        replace("manifest 1", "manifest 2"),
		"absolute":     replace(`"folder/file"`, `"/folder/file"`),
		"dots":         replace(`"folder/file"`, `"folder/../../x"`),
		"dot":          replace(`"folder/file"`, `"folder/./x"`),
		"zero":         replace(`"folder/file"`, `"folder/\x00"`),
		"no folder":    replace(`"folder/file"`, `"folder2/file"`),
		"in a link":    replace(`"folder"`, `"folder0"`),
		"up":           replace(`"folder/file"`, `"folder/.."`),
		"backwards":    replace(`"link"`, `"a"`),
		"twice":        replace(`"link"`, `"folder"`),
		"order":        replace(`"folder/file"`, `"."`),
		"wrong count":  replace("end 4", "end 5"),
		"more":         packed(text + "x"),
		"other quotes": replace(`"folder/file"`, "`folder/file`"),
		"mode":         replace(" 644 ", " 77777 "),
		"type":         replace("\nf ", "\nz "),
	} {
		_, err := Check(t.Context(), root, reader(bad), CheckOptions{})
		if !errors.Is(err, ErrManifest) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
		_, err = WriteManifest(t.Context(), root, Previous{Root: root, Manifest: reader(bad)}, io.Discard)
		if !errors.Is(err, ErrManifest) {
			t.Errorf("%s as the previous one: %v", name, err)
		}
	}
}

func TestRemoveFollowsNothing(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	must(t, os.MkdirAll(filepath.Join(outside, "below"), 0o755))
	root := filepath.Join(dir, "root")
	must(t, os.MkdirAll(filepath.Join(root, "locked/deep"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "locked/deep/file"), nil, 0o600))
	must(t, os.Chmod(filepath.Join(root, "locked"), 0o500))
	must(t, os.Symlink(outside, filepath.Join(root, "link")))
	must(t, os.Symlink(outside, filepath.Join(dir, "rootlink")))
	must(t, Remove(t.Context(), root))
	must(t, Remove(t.Context(), filepath.Join(dir, "rootlink")+"/"))
	must(t, Remove(t.Context(), filepath.Join(dir, "missing/deep")))
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) != 1 {
		t.Error(left)
	}
	if _, err := os.Stat(filepath.Join(outside, "below")); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/", ".", ".."} {
		if Remove(t.Context(), path) == nil {
			t.Errorf("removed %s", path)
		}
	}
}

func TestNothingCrossesMounts(t *testing.T) {
	root, _ := sample(t)
	other, mounted := t.TempDir(), filepath.Join(root, "folder/mounted")
	must(t, os.WriteFile(filepath.Join(other, "precious"), nil, 0o600))
	must(t, os.Mkdir(mounted, 0o700))
	if err := unix.Mount(other, mounted, "", unix.MS_BIND, ""); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(mounted, unix.MNT_DETACH)) })
	into := t.TempDir()
	_, err := WriteManifest(t.Context(), root, Previous{}, io.Discard)
	for _, err := range []error{Remove(t.Context(), root), Link(t.Context(), root, into), err, Remove(t.Context(), mounted)} {
		if !errors.Is(err, ErrMount) {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(other, "precious")); err != nil {
		t.Error(err)
	}
}

func TestRootsAreNoLinks(t *testing.T) {
	root, _ := sample(t)
	link, into := filepath.Join(t.TempDir(), "link"), t.TempDir()
	must(t, os.Symlink(root, link))
	before, _ := manifest(t, root, Previous{})
	_, written := WriteManifest(t.Context(), link+"/", Previous{}, io.Discard)
	_, previous := WriteManifest(t.Context(), root, Previous{Root: link}, io.Discard)
	_, checked := Check(t.Context(), link, reader(before), CheckOptions{})
	for i, err := range []error{Link(t.Context(), link, into), Link(t.Context(), into, link), written, previous, checked} {
		if err == nil {
			t.Errorf("%d went through a link", i)
		}
	}
}

func TestLinkRefusals(t *testing.T) {
	root, _ := sample(t)
	if err := Link(t.Context(), root, filepath.Join(root, "folder")); !errors.Is(err, unix.ENOTEMPTY) {
		t.Error(err)
	}
	into := filepath.Join(root, "into")
	must(t, os.Mkdir(into, 0o700))
	if err := Link(t.Context(), root, into); err == nil || !strings.Contains(err.Error(), "inside of what is copied") {
		t.Errorf("a copy inside of its model: %v", err)
	}
}

// ext4 knows no more than 65000 links.
func TestLinkCopiesWhatCanHaveNoMoreLinks(t *testing.T) {
	dir := t.TempDir()
	from, into, many := filepath.Join(dir, "from"), filepath.Join(dir, "into"), filepath.Join(dir, "many")
	for _, d := range []string{from, into, many} {
		must(t, os.Mkdir(d, 0o755))
	}
	file := filepath.Join(from, "file")
	must(t, os.WriteFile(file, []byte("content"), 0o4755))
	must(t, os.Chmod(file, 0o4755))
	must(t, os.Truncate(file, 1<<20))
	must(t, os.Link(file, filepath.Join(from, "twin")))
	for i := 0; ; i++ {
		err := os.Link(file, filepath.Join(many, time.Unix(int64(i), 0).UTC().Format("150405")))
		if errors.Is(err, unix.EMLINK) {
			break
		}
		must(t, err)
		if i > 70_000 {
			t.Skip("this file system knows no limit of links")
		}
	}
	must(t, Link(t.Context(), from, into))
	before, _ := manifest(t, from, Previous{})
	if report, err := Check(t.Context(), into, reader(before), CheckOptions{Data: true}); err != nil || report.Total != 0 {
		t.Errorf("%+v %v", report, err)
	}
	one, err := os.Stat(filepath.Join(into, "file"))
	must(t, err)
	two, err := os.Stat(filepath.Join(into, "twin"))
	must(t, err)
	if !os.SameFile(one, two) {
		t.Error("two names of one file became two files")
	}
}

func TestLinkKeepsACLsOfFolders(t *testing.T) {
	root, _ := sample(t)
	into := t.TempDir()
	// The kernel's form: version 2; owner rwx, user 7 r-x, group r-x, mask rwx, others none.
	acl := []byte{2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 5, 0, 7, 0, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255, 16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255}
	for _, name := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
		if err := unix.Setxattr(filepath.Join(root, "folder"), name, acl, 0); err != nil {
			t.Skip("no ACLs here: ", err)
		}
	}
	must(t, Link(t.Context(), root, into))
	for _, name := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
		have := make([]byte, 200)
		n, err := unix.Getxattr(filepath.Join(into, "folder"), name, have)
		if err != nil || !bytes.Equal(have[:n], acl) {
			t.Errorf("%s: % x %v", name, have[:max(n, 0)], err)
		}
	}
}

func TestCancel(t *testing.T) {
	root, _ := sample(t)
	makeFiles(t, filepath.Join(root, "more"), 2000, 50)
	before, _ := manifest(t, root, Previous{})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, written := WriteManifest(ctx, root, Previous{}, io.Discard)
	_, checked := Check(ctx, root, reader(before), CheckOptions{Data: true})
	for i, err := range []error{Link(ctx, root, t.TempDir()), Remove(ctx, root), written, checked} {
		if !errors.Is(err, cause) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if report, err := Check(t.Context(), root, reader(before), CheckOptions{Data: true}); err != nil || report.Total > 0 {
		t.Errorf("%+v %v", report, err)
	}
}

func TestHashCacheReadsOnce(t *testing.T) {
	var cache HashCache
	reads := 0
	for range 3 {
		for number := range uint64(3000) {
			want := Hash{byte(number), byte(number >> 8)}
			h, err := cache.get(inode{1, number}, 3, func() (Hash, error) { reads++; return want, nil })
			if err != nil || h != want {
				t.Fatal(number, h, err)
			}
		}
	}
	if reads != 3000 || len(cache.slots)+len(cache.reading) != 0 {
		t.Errorf("%d reads, %d kept", reads, len(cache.slots))
	}
}

func TestExchangeAndRenameNew(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(t, os.WriteFile(a, []byte("a"), 0o600))
	must(t, os.WriteFile(b, []byte("b"), 0o600))
	must(t, Exchange(a, b))
	if text, _ := os.ReadFile(a); string(text) != "b" {
		t.Errorf("%q", text)
	}
	if err := RenameNew(a, b); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	must(t, RenameNew(a, filepath.Join(dir, "c")))
	must(t, Sync(dir))
	must(t, SyncFolder(dir))
}

func TestCompareIsTheOrderOfAWalk(t *testing.T) {
	order := []string{".", " ", "-", "a", "a/b", "a/b/c", "a/z", "a b", "a.b", "a.b/c", "ab", "\xff"}
	for i, a := range order {
		for j, b := range order {
			if got := Compare(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%q and %q: %d", a, b, got)
			}
		}
	}
}
