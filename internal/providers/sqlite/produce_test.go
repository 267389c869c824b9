package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"golang.org/x/sys/unix"
)

// "SQLite found by extension at depth 3."
func TestFoundByMagicAtAnyDepth(t *testing.T) {
	source := t.TempDir()
	names := []string{"1/2/3/4/5/6/7/no extension", "top", ".hidden/x.txt", "x.sqlite.bak"}
	for _, name := range names {
		execute(t, source+"/"+name, fill(1)...)
	}
	write(t, source+"/empty.db", "")
	write(t, source+"/text.db", strings.Repeat("SQLite format 3\n", 100))
	write(t, source+"/short.db", magic+strings.Repeat("x", 200))
	must(t, os.Symlink("top", source+"/link.db"))
	must(t, os.Symlink(".hidden", source+"/folder"))
	must(t, unix.Mkfifo(source+"/fifo.db", 0o600))
	into, produced := version(t, source)
	slices.Sort(names)
	if got := tree(t, into); !slices.Equal(got, names) {
		t.Errorf("got %q", got)
	}
	if len(produced.Notes) > 0 {
		t.Errorf("got notes %q", produced.Notes)
	}
}

func TestManyFolders(t *testing.T) {
	source := t.TempDir()
	execute(t, source+"/first", fill(1)...)
	database := read(t, source+"/first")
	want := []string{"first"}
	for i := range 60 {
		name := fmt.Sprintf("%d/%d/%d", i%3, i%7, i)
		write(t, source+"/"+name, database)
		write(t, source+"/"+name+" other", strings.Repeat("x", 600))
		want = append(want, name)
	}
	found, err := search(t.Context(), source)
	must(t, err)
	var got []string
	for _, c := range found.candidates {
		got = append(got, c.path)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHostileNames(t *testing.T) {
	source := t.TempDir()
	names := []string{
		"file:x?mode=memory", "?mode=memory", "new\nline", "\xff\xfe", "100%41", "#", " ", "--", "$(touch x)", "..x/...",
		".bkplan-sqlite", "x' OR '1", strings.Repeat("n", 255),
	}
	for _, name := range names {
		app := strings.ToValidUTF8(name, "?")
		execute(t, source+"/tmp", "CREATE TABLE t (v)", "INSERT INTO t VALUES ('"+strings.ReplaceAll(app, "'", "''")+"')")
		write(t, source+"/"+name, read(t, source+"/tmp"))
		must(t, os.Remove(source+"/tmp"))
	}
	into := t.TempDir() + "/in ?mode=memory#\xff%41\n"
	must(t, os.Mkdir(into, 0o700))
	_, err := produce2(t, providers.Job{Roots: []string{readOnly(t, source)}, Into: into})
	must(t, err)
	slices.Sort(names)
	if got := tree(t, into); !slices.Equal(got, names) {
		t.Fatalf("got %q", got)
	}
	for _, name := range names {
		if got, want := value(t, into+"/"+name, "SELECT v FROM t"), strings.ToValidUTF8(name, "?"); got != want {
			t.Errorf("%q holds %q", name, got)
		}
	}
}

// produce2 is Produce where names may look like what is left behind.
func produce2(t *testing.T, job providers.Job) (providers.Produced, error) {
	t.Helper()
	return Producer{}.Produce(t.Context(), job)
}

func TestOtherFileSystemsAreNotEntered(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	source := t.TempDir()
	execute(t, source+"/x.db", fill(1)...)
	must(t, os.Mkdir(source+"/other", 0o755))
	must(t, unix.Mount("tmpfs", source+"/other", "tmpfs", 0, ""))
	t.Cleanup(func() { must(t, unix.Unmount(source+"/other", 0)) })
	execute(t, source+"/other/y.db", fill(1)...)
	into, produced := version(t, source)
	if got := tree(t, into); !slices.Equal(got, []string{"x.db"}) {
		t.Errorf("got %q", got)
	}
	if len(produced.Notes) != 1 || !strings.HasSuffix(produced.Notes[0], ": other") {
		t.Errorf("got %q", produced.Notes)
	}
}

func TestVolumeWithoutDatabases(t *testing.T) {
	into, produced := version(t, t.TempDir())
	if len(tree(t, into)) > 0 || !slices.Equal(produced.Notes, []string{"no SQLite database in this volume"}) {
		t.Errorf("got %+v", produced)
	}
	if _, err := produce(t, providers.Job{Roots: []string{into + "/absent"}, Into: into}); err == nil {
		t.Error("a volume that is not there has no databases")
	}
}

// damaged is a database with a page of noise in the middle.
func damaged(t *testing.T, name string) {
	t.Helper()
	execute(t, name, fill(300)...)
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	must(t, err)
	defer file.Close()
	_, err = file.WriteAt(bytes.Repeat([]byte{0xa5}, 4096), 20*4096)
	must(t, err)
}

func TestDamagedDatabaseFailsTheVersion(t *testing.T) {
	source := t.TempDir()
	execute(t, source+"/good.db", fill(10)...)
	damaged(t, source+"/a/bad\n.db")
	execute(t, source+"/cut.db", fill(300)...)
	must(t, os.Truncate(source+"/cut.db", 10*4096))
	got := damages(t, providers.Job{Roots: []string{snapshot(t, source)}, Into: t.TempDir()})
	if want := []string{"a/bad\n.db", "cut.db"}; !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
		t.Fatalf("got %q", got)
	}
	if !strings.Contains(got["a/bad\n.db"], "page 21") {
		t.Errorf("the page is not named: %q", got["a/bad\n.db"])
	}
	if !strings.Contains(got["cut.db"], "malformed") {
		t.Errorf("got %q", got["cut.db"])
	}
}

func TestForeignFileIsNoted(t *testing.T) {
	source := t.TempDir()
	execute(t, source+"/good.db", fill(10)...)
	write(t, source+"/noise.db", magic+strings.Repeat("\x91\x07noise\xee", 1000))
	encrypted := []byte(read(t, source+"/good.db"))
	for i := range encrypted[32:] {
		encrypted[32+i] ^= byte(i*7 + i>>8 + 85)
	}
	write(t, source+"/encrypted.db", string(encrypted))
	into, produced := version(t, snapshot(t, source))
	if got := tree(t, into); !slices.Equal(got, []string{"good.db"}) {
		t.Errorf("got %q", got)
	}
	if len(produced.Notes) != 2 || !strings.HasPrefix(produced.Notes[0], "encrypted.db begins like") ||
		!strings.HasPrefix(produced.Notes[1], "noise.db begins like") {
		t.Errorf("got %q", produced.Notes)
	}
}

func TestWhatWasADatabaseMustStayOne(t *testing.T) {
	source := t.TempDir()
	execute(t, source+"/x.db", fill(10)...)
	previous, _ := version(t, source)
	write(t, source+"/x.db", magic+strings.Repeat("\x91\x07noise\xee", 1000))
	job := providers.Job{Roots: []string{source}, Into: t.TempDir(), Previous: previous}
	if got := damages(t, job); !strings.Contains(got["x.db"], "not a database") {
		t.Errorf("got %q", got)
	}
	job.Into, job.Action.Copy = t.TempDir(), &plan.CopyAction{AcceptLoss: true}
	produced, err := produce(t, job)
	if err != nil || len(produced.Notes) != 1 {
		t.Errorf("with accepted loss: %+v, %v", produced, err)
	}
}

func TestUnchangedDatabaseIsLinked(t *testing.T) {
	source := t.TempDir()
	for _, name := range []string{"same", "changed", "chmod", "d/linked"} {
		execute(t, source+"/"+name, fill(20)...)
	}
	previous, _ := version(t, source)
	must(t, os.Rename(previous+"/d", previous+"/e"))
	must(t, os.Symlink("e", previous+"/d"))
	execute(t, source+"/changed", "UPDATE t SET v = 'new' WHERE id = 3")
	must(t, os.Chmod(source+"/chmod", 0o640))
	into := t.TempDir()
	_, err := produce(t, providers.Job{Roots: []string{readOnly(t, source)}, Into: into, Previous: previous})
	must(t, err)
	for name, want := range map[string]bool{"same": true, "changed": false, "chmod": false, "d/linked": false} {
		x, err := os.Stat(into + "/" + name)
		must(t, err)
		y, err := os.Stat(previous + "/" + name)
		must(t, err)
		if os.SameFile(x, y) != want {
			t.Errorf("%s: linked is %t", name, !want)
		}
	}
	if got := value(t, into+"/changed", "SELECT v FROM t WHERE id = 3"); got != "new" {
		t.Errorf("copied %s", got)
	}
}

func TestAttributesAreKept(t *testing.T) {
	source := t.TempDir()
	execute(t, source+"/a/b/x.db", fill(1)...)
	old := time.Unix(1_600_000_000, 123456789)
	for name, mode := range map[string]os.FileMode{"a": 0o711, "a/b": 0o500, "a/b/x.db": 0o604} {
		must(t, os.Chmod(source+"/"+name, mode))
		if os.Geteuid() == 0 {
			must(t, os.Chown(source+"/"+name, 12, 34))
		}
	}
	for _, name := range []string{"a/b/x.db", "a/b", "a"} {
		must(t, os.Chtimes(source+"/"+name, old, old))
	}
	into, _ := version(t, source)
	t.Cleanup(func() { os.Chmod(into+"/a/b", 0o700) })
	for _, name := range []string{"a", "a/b", "a/b/x.db"} {
		var x, y unix.Stat_t
		must(t, unix.Lstat(source+"/"+name, &x))
		must(t, unix.Lstat(into+"/"+name, &y))
		if attributesOf(x) != attributesOf(y) {
			t.Errorf("%s: %+v became %+v", name, attributesOf(x), attributesOf(y))
		}
	}
	log := old.Add(time.Hour)
	write(t, source+"/a/b/x.db-wal", "no log, but something")
	must(t, os.Chtimes(source+"/a/b/x.db-wal", log, log))
	into, _ = version(t, source)
	t.Cleanup(func() { os.Chmod(into+"/a/b", 0o700) })
	if info, err := os.Stat(into + "/a/b/x.db"); err != nil || !info.ModTime().Equal(log) {
		t.Errorf("the log's time does not count: %v, %v", info.ModTime(), err)
	}
}

func TestSeveralRootsKeepTheirNames(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	execute(t, one+"/x.db", fill(1)...)
	execute(t, two+"/d/y.db", fill(1)...)
	into := t.TempDir()
	_, err := produce(t, providers.Job{Roots: []string{one, two}, Into: into})
	must(t, err)
	want := []string{one[1:] + "/x.db", two[1:] + "/d/y.db"}
	if got := tree(t, into); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, whole := range []bool{true, false} {
		job := providers.Job{Roots: []string{one}, Into: t.TempDir()}
		job.Action.Copy = &plan.CopyAction{From: &plan.Access{Paths: []string{one}, Whole: whole}}
		_, err := produce(t, job)
		must(t, err)
		if got := tree(t, job.Into); (got[0] == "x.db") != whole {
			t.Errorf("whole is %t: got %q", whole, got)
		}
	}
}

func TestNoRoom(t *testing.T) {
	source := t.TempDir()
	execute(t, source+"/x.db", fill(1)...)
	execute(t, source+"/sparse.db", fill(1)...)
	must(t, os.Truncate(source+"/sparse.db", 1<<43))
	got := damages(t, providers.Job{Roots: []string{source}, Into: t.TempDir()})
	if len(got) != 1 || !strings.Contains(got["sparse.db"], "no room") {
		t.Errorf("got %q", got)
	}
	must(t, os.Remove(source+"/sparse.db"))
	job := providers.Job{Roots: []string{source}, Into: t.TempDir()}
	job.Action.Copy = &plan.CopyAction{MinFree: 1 << 60}
	if got := damages(t, job); !strings.Contains(got["x.db"], "no room") {
		t.Errorf("got %q", got)
	}
}

// afterCalls is a context that ends at its nth Err.
type afterCalls struct {
	context.Context
	cancel context.CancelFunc
	left   int
}

func (c *afterCalls) Err() error {
	if c.left--; c.left < 0 {
		c.cancel()
	}
	return c.Context.Err()
}

func TestCancelledAtAnyMoment(t *testing.T) {
	source := t.TempDir()
	execute(t, source+"/x.db", fill(3000)...)
	found := []database{{root: source, path: "x.db", into: "x.db"}}
	for moment := 0; ; moment++ {
		inner, cancel := context.WithCancel(t.Context())
		ctx := &afterCalls{inner, cancel, moment}
		b := &batch{job: providers.Job{Roots: []string{source}, Into: t.TempDir()}, folders: map[string]attributes{}}
		err := b.copyAll(ctx, found)
		cancel()
		if err == nil {
			if moment < 4 {
				t.Errorf("the context was looked at %d times only", moment)
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("moment %d: %v", moment, err)
		}
		if left, err := os.ReadDir(b.scratch); err == nil {
			t.Fatalf("moment %d: %v was left", moment, left)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Producer{}).Produce(ctx, providers.Job{Roots: []string{source}, Into: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCrashOfSQLiteIsAnError(t *testing.T) {
	var nothing *int
	for _, work := range []func(){func() { panic("mutex") }, func() { *nothing = 1 }} {
		if err := guard(func() error { work(); return nil }); err == nil {
			t.Error("a crash passed")
		}
	}
}

// Applications bring collations and modules that nobody else has.
func TestForeignCollationsAndModules(t *testing.T) {
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("sqlite3 is not installed")
	}
	source := t.TempDir()
	execute(t, source+"/x.db", fill(300)...)
	out, err := exec.Command(program, source+"/x.db",
		`CREATE TABLE "odd ""name" (a TEXT COLLATE uint); CREATE INDEX "j" ON "odd ""name" (a); INSERT INTO "odd ""name" VALUES ('x'), ('y');`+
			`CREATE VIRTUAL TABLE f USING fts3(v); INSERT INTO f VALUES ('some text')`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	into, produced := version(t, snapshot(t, source))
	if got := value(t, into+"/x.db", `SELECT count(*) FROM "odd ""name"`); got != "2" {
		t.Errorf("copied %s", got)
	}
	if len(produced.Notes) != 1 || !strings.Contains(produced.Notes[0], "no such collation sequence: uint") {
		t.Errorf("got %q", produced.Notes)
	}
	file, err := os.OpenFile(source+"/x.db", os.O_WRONLY, 0)
	must(t, err)
	_, err = file.WriteAt(bytes.Repeat([]byte{0xa5}, 4096), 20*4096)
	must(t, err)
	file.Close()
	if got := damages(t, providers.Job{Roots: []string{source}, Into: t.TempDir()}); !strings.Contains(got["x.db"], "page 21") {
		t.Errorf("got %q", got)
	}
}
