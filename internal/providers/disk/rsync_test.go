package disk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/execx"
)

// script is a program called rsync that does what a test says.
func script(t *testing.T, body string) *Rsync {
	t.Helper()
	folder := memory(t)
	text := "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'rsync  version 3.2.7  protocol version 31'; exit; fi\n" + body
	if err := os.WriteFile(filepath.Join(folder, "rsync"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return NewRsync(inPath{execx.New(), folder})
}

// LUKS opened read-only forces ext4 noload: rsync 23 every night, waved through.
func TestExit23NamesTheFiles(t *testing.T) {
	t.Parallel()
	needRoot(t)
	needRsync(t)
	b := newBenchAt(t, memory(t), mounted(t, "ext4", 16))
	b.write("fine", "x")
	b.write("large attribute", "x")
	big := []byte(strings.Repeat("x", 60<<10)) // more than ext4 takes
	if err := unix.Setxattr(b.source+"/large attribute", "user.big", big, 0); err != nil {
		t.Skip("needs tmpfs with large attributes: ", err)
	}
	err := b.fails(b.action(week46, ""), "rsync did not copy all files", "large attribute", "user.big")
	if strings.Contains(err.Error(), "/proc/") {
		t.Errorf("a path that nobody knows: %v", err)
	}
	b.holds(week46, map[string]string{})
}

func TestUnreadableFileFails(t *testing.T) {
	b := newBench(t)
	rsync := script(t, `echo 'rsync: [sender] send_files failed to open "/x/secret": Permission denied (13)' >&2
echo 'rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1338) [sender=3.2.7]' >&2
exit 23`)
	b.write("f", "x")
	b.provider.Producer = rsync
	b.fails(b.action(week46, ""), `rsync did not copy all files: [sender] send_files failed to open "/x/secret": Permission denied (13)`)
}

// A file deleted between event and sync ended the script, silently: vanished is
// not an error, and cannot happen in a snapshot.
func TestVanishedFiles(t *testing.T) {
	b := newBench(t)
	b.write("f", "x")
	b.provider.Producer = script(t, `echo 'file has vanished: "/x/gone"' >&2; exit 24`)
	if r := b.do(b.action(week46, "")); !strings.Contains(r.Detail, "; files vanished") {
		t.Errorf("%+v", r)
	}
	if notes := b.notes(week46); len(notes) != 1 || !strings.Contains(notes[0], "vanished") {
		t.Errorf("%q", notes)
	}
	b.fails(b.snapshot(week47, "", "uuid-1"), "exit 24")
}

func TestFullDiskInRsyncsWords(t *testing.T) {
	b := newBench(t)
	b.write("f", "x")
	b.provider.Producer = script(t, `echo 'rsync: [receiver] write failed on "/x/f": No space left on device (28)' >&2; exit 11`)
	err := b.fails(b.action(week46, ""), "is full")
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v", err)
	}
}

func TestRsyncTooOldOrUnknown(t *testing.T) {
	for output, words := range map[string]string{
		"rsync  version 3.1.3  protocol version 31": "rsync 3.1.3 is too old: 3.2 or newer is needed",
		"openrsync: protocol version 29":            "does not say which version",
	} {
		folder := memory(t)
		if err := os.WriteFile(filepath.Join(folder, "rsync"), []byte("#!/bin/sh\necho '"+output+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := NewRsync(inPath{execx.New(), folder}).release(t.Context())
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v", err)
		}
	}
	var missing *execx.Error
	if _, err := NewRsync(onlyPath{execx.New()}).release(t.Context()); !errors.As(err, &missing) || missing.Reason != execx.ReasonMissing {
		t.Errorf("%v", err)
	}
}

// onlyPath finds no program at all.
type onlyPath struct{ execx.Runner }

func (r onlyPath) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	c.Env = []string{"PATH=/nonexistent"}
	return r.Runner.Run(ctx, c)
}

// One hung volume blocked all behind it.
func TestHungRsyncIsEnded(t *testing.T) {
	b := newBench(t)
	b.write("f", "x")
	b.provider.Producer = script(t, `exec sleep 1000`)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("the run was asked to stop")
	b.provider.reached = func(string) {}
	go func() { cancel(stop) }()
	if _, err := b.provider.Do(ctx, b.action(week46, "")); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	b.nothingLeft()
}

// Without root it works as well, and says what it could not keep.
func TestWithoutRoot(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	b.write("f", "x")
	rsync := NewRsync(execx.New())
	rsync.root = false
	b.provider.Producer = rsync
	if r := b.do(b.action(week46, "")); r.Detail != "1 file, 1 B new" {
		t.Errorf("every line says it: %+v", r)
	}
	if notes := b.receipt(week46).Notes; len(notes) != 1 || !strings.Contains(notes[0], "without root") {
		t.Errorf("%q", notes)
	}
}

func TestExcludedFilesAreLeftOut(t *testing.T) {
	b := newBench(t)
	b.write("a.tmp", "x")
	b.write("d/b.tmp", "x")
	b.write("cache/x", "x")
	b.write("keep", "x")
	a := b.action(week46, "")
	a.Copy.Exclude = []string{"*.tmp", "/cache/"}
	b.do(a)
	b.holds(week46, map[string]string{"keep": "x"})
	if r := b.receipt(week46); len(r.Exclude) != 2 {
		t.Errorf("%+v", r)
	}
}
