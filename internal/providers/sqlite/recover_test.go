package sqlite

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/providers"
)

func TestRollbackModeIsCopied(t *testing.T) {
	source := t.TempDir()
	execute(t, source+"/a/b/x.db", fill(300)...)
	into, produced := version(t, snapshot(t, source))
	if got, want := value(t, into+"/a/b/x.db", total), value(t, source+"/a/b/x.db", total); got != want {
		t.Errorf("copied %s, want %s", got, want)
	}
	if len(produced.Notes) > 0 || produced.Tools["sqlite"] == "" {
		t.Errorf("got %+v", produced)
	}
}

// "sqlite3 … .backup fails for a WAL database on a read-only mount; the fallback
// cp without -wal saved a torn or older database and called it a backup."
func TestWALDatabaseOnReadOnlyMountKeepsWhatWasCommitted(t *testing.T) {
	source := t.TempDir()
	app := start(t, source+"/x.db")
	app.must("PRAGMA journal_mode = wal", "PRAGMA wal_autocheckpoint = 0")
	app.must(fill(200)...)
	app.must("PRAGMA wal_checkpoint(TRUNCATE)", "UPDATE t SET v = 'committed' WHERE id <= 100", "BEGIN", "DELETE FROM t")
	root := snapshot(t, source)
	if got := value(t, root+"/x.db", "SELECT count(*) FROM t WHERE v = 'committed'"); got != "0" {
		t.Fatalf("the file alone holds %s of them: this tests nothing", got)
	}
	into, _ := version(t, root)
	if got := value(t, into+"/x.db", "SELECT count(*) || '/' || count(CASE v WHEN 'committed' THEN 1 END) FROM t"); got != "200/100" {
		t.Errorf("copied %s, want 200/100", got)
	}
}

func TestWALThatHoldsEverything(t *testing.T) {
	source := t.TempDir()
	app := start(t, source+"/x.db")
	app.must("PRAGMA journal_mode = wal", "PRAGMA wal_autocheckpoint = 0")
	app.must(fill(50)...)
	into, _ := version(t, snapshot(t, source))
	if got := value(t, into+"/x.db", "SELECT count(*) FROM t"); got != "50" {
		t.Errorf("copied %s rows, want 50", got)
	}
	app.must("PRAGMA wal_checkpoint(TRUNCATE)")
	app.kill()
	for _, suffix := range []string{"-wal", "-shm"} {
		must(t, os.Remove(source+"/x.db"+suffix))
	}
	into, _ = version(t, snapshot(t, source))
	if got := value(t, into+"/x.db", "SELECT count(*) FROM t"); got != "50" {
		t.Errorf("copied %s rows without the log, want 50", got)
	}
}

// crashed is a folder with a database whose application was killed in a
// transaction that had already written to the file.
func crashed(t *testing.T) (folder, before string) {
	t.Helper()
	folder = t.TempDir()
	name := folder + "/x.db"
	execute(t, name, fill(400)...)
	before = value(t, name, total)
	whole := read(t, name)
	app := start(t, name)
	app.must("PRAGMA cache_size = 5", "PRAGMA cache_spill = 5", "BEGIN", "UPDATE t SET v = printf('%0900d', -id)", "DELETE FROM t WHERE id > 200")
	app.kill()
	if read(t, name) == whole || len(read(t, name+"-journal")) == 0 {
		t.Fatal("nothing was spilled: this tests nothing")
	}
	return folder, before
}

func TestHotJournalIsRolledBack(t *testing.T) {
	source, before := crashed(t)
	if got := value(t, source+"/x.db", total); got == before {
		t.Fatal("the file alone is whole: this tests nothing")
	}
	into, _ := version(t, snapshot(t, source))
	if got := value(t, into+"/x.db", total); got != before {
		t.Errorf("copied %s, want %s", got, before)
	}
}

// nameSuper appends to a journal what a commit over several databases does.
func nameSuper(t *testing.T, journal, name string) {
	t.Helper()
	var sum uint32
	for _, c := range []byte(name) {
		sum += uint32(int8(c))
	}
	tail := append(make([]byte, 4), name...)
	tail = binary.BigEndian.AppendUint32(tail, uint32(len(name)))
	tail = append(binary.BigEndian.AppendUint32(tail, sum), journalMagic...)
	write(t, journal, read(t, journal)+string(tail))
}

func TestJournalOfSeveralDatabases(t *testing.T) {
	const name = "x.db-mj0123ABC9D"
	source, before := crashed(t)
	nameSuper(t, source+"/x.db-journal", "/data/"+name)

	job := providers.Job{Roots: []string{snapshot(t, source)}, Into: t.TempDir()}
	if got := damages(t, job); !strings.Contains(got["x.db"], "/data/"+name) {
		t.Errorf("without the super-journal: %v", got)
	}
	write(t, source+"/"+name, "")
	job = providers.Job{Roots: []string{snapshot(t, source)}, Into: t.TempDir()}
	if got := damages(t, job); !strings.Contains(got["x.db"], "super-journal") {
		t.Errorf("with an empty super-journal: %v", got)
	}
	write(t, source+"/"+name, "/data/x.db-journal\x00/data/y.db-journal\x00")
	into, _ := version(t, snapshot(t, source))
	if got := value(t, into+"/x.db", total); got != before {
		t.Errorf("with the super-journal: copied %s, want %s", got, before)
	}
}

// SQLite deletes the super-journal of a journal it has undone.
func TestJournalDoesNotDeleteOtherFiles(t *testing.T) {
	source, before := crashed(t)
	into := t.TempDir()
	victim := t.TempDir() + "/x.db-mj0123ABC9D"
	write(t, victim, filepath.Join(into, ".bkplan-sqlite/0/database-journal")+"\x00")
	write(t, source+"/"+filepath.Base(victim), "here as well")
	nameSuper(t, source+"/x.db-journal", victim)
	_, err := produce(t, providers.Job{Roots: []string{snapshot(t, source)}, Into: into})
	must(t, err)
	if got := value(t, into+"/x.db", total); got != before {
		t.Errorf("copied %s, want %s", got, before)
	}
	read(t, victim)
}

func TestLiveDatabaseIsHeld(t *testing.T) {
	for _, mode := range []string{"delete", "wal"} {
		t.Run(mode, func(t *testing.T) {
			source := t.TempDir()
			app := start(t, source+"/x.db")
			app.must("PRAGMA journal_mode = "+mode, "PRAGMA wal_autocheckpoint = 0", "PRAGMA busy_timeout = 0")
			app.must(fill(20)...)
			held, err := openOriginal(t.Context(), database{root: source, path: "x.db"})
			must(t, err)
			before := read(t, source+"/x.db")
			written := app.do("INSERT INTO t VALUES (1000, 'late')")
			if mode == "delete" && !strings.Contains(written, "locked") || mode == "wal" && written != "" {
				t.Errorf("a writer was told %q", written)
			}
			if mode == "wal" && app.do("PRAGMA wal_checkpoint(RESTART)") != "1" {
				t.Error("the log could be moved into the database")
			}
			if read(t, source+"/x.db") != before {
				t.Error("the database was written to")
			}
			held.close()
			app.must("INSERT INTO t VALUES (1001, 'later')")
			into, _ := version(t, source)
			if got := value(t, into+"/x.db", "SELECT v FROM t WHERE id = 1001"); got != "later" {
				t.Errorf("copied %s", got)
			}
		})
	}
}

func TestHardLinkTakesTheLogOfItsOtherName(t *testing.T) {
	source := t.TempDir()
	app := start(t, source+"/x.db")
	app.must("PRAGMA journal_mode = wal", "PRAGMA wal_autocheckpoint = 0")
	app.must(fill(10)...)
	must(t, os.Link(source+"/x.db", source+"/a.db"))
	into, _ := version(t, source)
	for _, name := range []string{"/a.db", "/x.db"} {
		if got := value(t, into+name, "SELECT count(*) FROM t"); got != "10" {
			t.Errorf("%s: %s", name, got)
		}
	}
	write(t, source+"/a.db-wal", "another log")
	job := providers.Job{Roots: []string{source}, Into: t.TempDir()}
	if got := damages(t, job); !strings.Contains(got["a.db"], "two names") {
		t.Errorf("got %v", got)
	}
}
