package pfsense

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// plainTar is a tar of files with the sizes given, of which some hold zeros only.
func plainTar(sizes ...int) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i, size := range sizes {
		content := bytes.Repeat([]byte{byte(i % 3)}, size)
		_ = w.WriteHeader(&tar.Header{Name: fmt.Sprintf("../../file %d", i), Mode: 0o600, Size: int64(size)})
		_, _ = w.Write(content)
	}
	_ = w.Close()
	return out.Bytes()
}

func zipped(content []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(content)
	_ = w.Close()
	return out.Bytes()
}

const endMarker = 1024 // bytes of zeros at the end of a tar

func TestWholeArchives(t *testing.T) {
	for _, filled := range []int{1, tarBlock - 1} {
		stream := append(zipped(plainTar(10)), make([]byte, filled)...)
		if n, err := readArchive(bytes.NewReader(stream)); err != nil || n != 1 {
			t.Errorf("filled up with %d: %d entries, %v", filled, n, err)
		}
	}
	for name, content := range map[string][]byte{
		"one entry":   plainTar(10),
		"zeros":       plainTar(1024, 0, 1, 512, 70000),
		"padded":      append(plainTar(10, 10), make([]byte, 20*512)...),
		"tar's usual": plainTar(3000000),
	} {
		if n, err := readArchive(bytes.NewReader(zipped(content))); err != nil || n == 0 {
			t.Errorf("%s: %d entries, %v", name, n, err)
		}
	}
}

func TestBrokenArchives(t *testing.T) {
	whole := plainTar(2000, 1024, 3)
	gz := zipped(whole)
	flipped := func(b []byte, at int) []byte {
		b = slices.Clone(b)
		b[at] ^= 1
		return b
	}
	zeroTail := plainTar(1024) // its content is zeros, which could pass for an end
	badLength := slices.Clone(gz)
	binary.LittleEndian.PutUint32(badLength[len(badLength)-4:], 7)
	for name, test := range map[string]struct {
		stream []byte
		want   string
	}{
		"empty":              {nil, "the archive is empty"},
		"no gzip":            {whole, "gzip: invalid header"},
		"half a head":        {gz[:5], "read the head of gzip: it breaks off"},
		"cut short":          {gz[:len(gz)-20], "it breaks off"},
		"one byte short":     {gz[:len(gz)-1], "it breaks off"},
		"without trailer":    {gz[:len(gz)-8], "it breaks off"},
		"checksum of gzip":   {flipped(gz, len(gz)-8), "gzip: invalid checksum"},
		"length of gzip":     {badLength, "gzip: invalid checksum"},
		"checksum of tar":    {zipped(flipped(whole, 150)), "archive/tar: invalid tar header"},
		"no tar":             {zipped(bytes.Repeat([]byte("hello "), 1000)), "invalid tar header"},
		"tar in an entry":    {zipped(whole[:1000]), "it breaks off"},
		"tar between two":    {zipped(whole[:512+2048]), "after 1 entries: it has no end marker"},
		"no end marker":      {zipped(whole[:len(whole)-endMarker]), "after 3 entries: it has no end marker"},
		"half an end marker": {zipped(whole[:len(whole)-endMarker/2]), "it has no end marker"},
		"zeros and no end":   {zipped(zeroTail[:len(zeroTail)-endMarker]), "it has no end marker"},
		"no entries":         {zipped(make([]byte, endMarker)), "the archive has no entries"},
		"nothing in gzip":    {zipped(nil), "it has no end marker"},
		"after the end":      {zipped(append(plainTar(10), whole...)), "read what is after tar's end marker: it is not empty"},
		"garbage after gzip": {append(slices.Clone(gz), "garbage"...), "read what is behind gzip: it is not empty"},
		"a block of zeros":   {append(slices.Clone(gz), make([]byte, tarBlock)...), "more than a block follows behind gzip"},
		"a second gzip":      {append(slices.Clone(gz), gz...), "read what is behind gzip: it is not empty"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readArchive(bytes.NewReader(test.stream))
			wantError(t, err, test.want)
		})
	}
}

// No prefix of an archive is an archive, and no change of its content goes
// unseen. Some bits of gzip mean nothing: those of its head, and the last ones
// before its trailer.
func TestPartsOfAnArchiveAreNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := plainTar(rapid.SliceOfN(rapid.IntRange(0, 3000), 1, 5).Draw(t, "sizes")...)
		gz := zipped(content)
		cut := rapid.IntRange(0, len(gz)-1).Draw(t, "cut")
		if _, err := readArchive(bytes.NewReader(gz[:cut])); err == nil {
			t.Errorf("%d of %d bytes pass", cut, len(gz))
		}
		cut = rapid.IntRange(0, len(content)-1).Draw(t, "cut of tar")
		if _, err := readArchive(bytes.NewReader(zipped(content[:cut]))); err == nil {
			t.Errorf("%d of %d bytes of tar pass", cut, len(content))
		}
		at := rapid.IntRange(10, len(gz)-1).Draw(t, "flip")
		gz[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		if _, err := readArchive(bytes.NewReader(gz)); err != nil {
			return
		}
		unzipped, err := gzip.NewReader(bytes.NewReader(gz))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(unzipped); !bytes.Equal(got, content) {
			t.Errorf("a change of byte %d passes", at)
		}
	})
}

// tarScript runs the program in the place of FreeBSD's tar, on a folder in the
// place of /.
func tarScript(program, root string) string {
	asked := strings.Join(remoteArchive, " ")
	here := strings.Replace(asked, "tar -czf - -C / ", program+" -czf - -C "+root+" ", 1)
	return fmt.Sprintf("[ \"$SSH_ORIGINAL_COMMAND\" = %q ] || { echo \"asked for: $SSH_ORIGINAL_COMMAND\" >&2; exit 42; }\nexec %s\n", asked, here)
}

// fileSystem makes a folder that looks like a pfSense from afar.
func fileSystem(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{
		"dev/null", "proc/1/status", "tmp/scratch", "var/run/x.pid", "var/tmp/keep", "usr/share/dev/keep", "usr/local/proc/keep",
		"cf/conf/config.xml", "home/$(id)", "home/ --x\n\xff", "home/..", "conf/" + strings.Repeat("long", 60),
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil && !strings.HasSuffix(name, "..") {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(root, "cf/conf/config.xml"), filepath.Join(root, "conf/config.xml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(root, "home/link")); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestFileSystemBySSH(t *testing.T) {
	if _, err := exec.LookPath("bsdtar"); err != nil {
		t.Skip("bsdtar is not installed: Debian has it in the package libarchive-tools")
	}
	f := newFirewall(t, tarScript("bsdtar", fileSystem(t)))
	j := job(t, f.source(), plan.ArtifactFiles)
	produced, err := New(f).Produce(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	names := namesOf(t, only(t, j, ArchiveName))
	for _, name := range []string{"./cf/conf/config.xml", "./conf/config.xml", "./var/tmp/keep", "./usr/share/dev/keep", "./usr/local/proc/keep", "./home/link", "./home/$(id)", "./home/ --x\n\xff"} {
		if !slices.Contains(names, name) {
			t.Errorf("%q is missing", name)
		}
	}
	for _, name := range names {
		for _, folder := range []string{"./dev", "./proc", "./tmp", "./var/run"} {
			if strings.HasPrefix(name, folder) {
				t.Errorf("%q was not left out", name)
			}
		}
	}
	if diff := cmp.Diff([]string{leftOut}, produced.Limits); diff != "" || produced.Tools["ssh"] == "" {
		t.Errorf("%v %s", produced.Tools, diff)
	}
}

func namesOf(t *testing.T, archive []byte) []string {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for members := tar.NewReader(unzipped); ; {
		header, err := members.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
}

func TestBrokenFileSystemsBySSH(t *testing.T) {
	f := newFirewall(t, `. "${0%/*}/script"`)
	gz := zipped(plainTar(100000, 20))
	f.write(t, "whole", string(gz), 0o600)
	f.write(t, "bad", string(zipped(slices.Replace(plainTar(100000, 20), 150, 151, '9'))), 0o600)
	for name, test := range map[string]struct{ script, want string }{
		"empty":          {":", "the archive is empty: ssh succeeded and nothing came"},
		"cut short":      {"head -c 200 whole", "it breaks off"},
		"garbage behind": {"cat whole; echo more", "read what is behind gzip: it is not empty"},
		"bad checksum":   {"cat bad", "invalid tar header"},
		"goes on":        {"cat whole /dev/zero", "more than a block follows behind gzip"},
		"tar failed":     {"cat whole; echo 'tar: ./x: Permission denied' >&2; exit 1", "exit 1: tar: ./x: Permission denied"},
		"no tar":         {"echo 'sh: tar: not found' >&2; exit 127", "exit 127: sh: tar: not found"},
		"connection cut": {"head -c 200 whole; kill -KILL $PPID", "the connection was lost"},
	} {
		t.Run(name, func(t *testing.T) {
			f.write(t, "script", "cd "+f.folder+"\n"+test.script, 0o600)
			_, err := New(f).Produce(t.Context(), job(t, f.source(), plan.ArtifactFiles))
			wantError(t, err, "fetch filesystem.tar.gz: ")
			wantError(t, err, test.want)
		})
	}
}

func TestWordsOfTarBecomeNotes(t *testing.T) {
	f := newFirewall(t, `cat "${0%/*}/whole"; printf 'tar: ./a\033[31m: File removed before we read it\nfreedom is near\n  tar: ./s: pax format cannot archive sockets\n' >&2`)
	f.write(t, "whole", string(zipped(plainTar(10))), 0o600)
	produced, err := New(f).Produce(t.Context(), job(t, f.source(), plan.ArtifactFiles))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`tar: ./a\x1b[31m: File removed before we read it`, "tar: ./s: pax format cannot archive sockets"}
	if diff := cmp.Diff(want, produced.Notes); diff != "" {
		t.Error(diff)
	}
	if n := len(tarNotes(strings.Repeat("tar: x\n", 1000))); n != maxNotes {
		t.Errorf("%d notes", n)
	}
}

// bigStream writes a long archive in the place of ssh, and looks at the memory.
type bigStream struct {
	size int64
	peak uint64
}

func (b *bigStream) Run(_ context.Context, c execx.Command) (execx.Output, error) {
	if c.Stdout == nil {
		return execx.Output{}, errors.New("no ssh here")
	}
	zip := gzip.NewWriter(c.Stdout)
	out := tar.NewWriter(zip)
	if err := out.WriteHeader(&tar.Header{Name: "big", Size: b.size}); err != nil {
		return execx.Output{}, err
	}
	block := make([]byte, 1<<20)
	for written := int64(0); written < b.size; written += int64(len(block)) {
		if _, err := out.Write(block); err != nil {
			return execx.Output{}, err
		}
		if written%(32<<20) == 0 {
			runtime.GC() // only what is held counts
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			b.peak = max(b.peak, memory.HeapAlloc)
		}
	}
	return execx.Output{}, errors.Join(out.Close(), zip.Close())
}

func TestArchiveIsNotHeldInMemory(t *testing.T) {
	stream := &bigStream{size: 192 << 20}
	j := job(t, plan.PFSenseSource{Address: "gate"}, plan.ArtifactFiles)
	if _, err := New(stream).Produce(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if stream.peak > 64<<20 {
		t.Errorf("%d MiB of memory for an archive of %d MiB", stream.peak>>20, stream.size>>20)
	}
}

// A disk that is full is told as such, and ssh is ended.
func TestFullDisk(t *testing.T) {
	f := newFirewall(t, `cat "${0%/*}/whole"; exec sleep 20`)
	f.write(t, "whole", string(zipped(plainTar(10))), 0o600)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full")
	}
	defer full.Close()
	_, err = New(f).streamArchive(t.Context(), f.source(), 0, full)
	wantError(t, err, "no space left on device")
}

func TestAFileThatIsThereIsNotWrittenInto(t *testing.T) {
	for artifact, name := range map[string]string{plan.ArtifactConfig: ConfigName, plan.ArtifactFiles: ArchiveName} {
		j := job(t, plan.PFSenseSource{Address: "gate"}, artifact)
		victim := filepath.Join(t.TempDir(), "victim")
		if err := errors.Join(os.WriteFile(victim, []byte("old"), 0o600), os.Symlink(victim, filepath.Join(j.Into, name))); err != nil {
			t.Fatal(err)
		}
		_, err := New(printer(goodConfig)).Produce(t.Context(), j)
		wantError(t, err, "create "+name)
		if content, _ := os.ReadFile(victim); string(content) != "old" {
			t.Errorf("%q", content)
		}
	}
}

// printer is a Runner whose every program prints just this.
type printer string

func (p printer) Run(_ context.Context, c execx.Command) (execx.Output, error) {
	if c.Stdout == nil {
		return execx.Output{Stdout: []byte(p)}, nil
	}
	_, err := io.WriteString(c.Stdout, string(p))
	return execx.Output{}, err
}

var _ providers.Producer = New(nil)
