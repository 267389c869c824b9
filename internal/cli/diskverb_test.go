package cli_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the driver
)

// expand FILE… puts the script's folder in the place of $WORK.
func verbExpand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := strings.ReplaceAll(ts.ReadFile(name), "$WORK", ts.Getenv("WORK"))
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// same A B says that two names are those of one file.
func verbSame(ts *testscript.TestScript, neg bool, args []string) {
	a, err := os.Lstat(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := os.Lstat(ts.MkAbs(args[1]))
	ts.Check(err)
	if os.SameFile(a, b) == neg {
		ts.Fatalf("%s and %s: one file is %v", args[0], args[1], !neg)
	}
}

// hostile DIR makes folders of hostileNames, each with a file of that name.
func verbHostile(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range hostileNames {
		folder := filepath.Join(ts.MkAbs(args[0]), name)
		ts.Check(os.MkdirAll(folder, 0o700))
		ts.Check(os.WriteFile(filepath.Join(folder, name), []byte(name), 0o600))
	}
}

// copied DIR says that DIR holds what hostile made, as far as it is UTF-8.
func verbCopied(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range hostileNames {
		text, err := os.ReadFile(filepath.Join(ts.MkAbs(args[0]), name, name))
		if valid := strings.ToValidUTF8(name, "") == name; valid && (err != nil || string(text) != name) || !valid && err == nil {
			ts.Fatalf("%q: %q, %v", name, text, err)
		}
	}
}

var hostileNames = []string{
	"-rf", "--delete", "$(touch executed)", "`touch executed`", "; touch executed", "two\nlines", " spaces ", "*", "%2e%2e", `back\slash`,
	"\x1b[31mred", "\u202ertl", "..hidden", strings.Repeat("n", 255), "not\xffutf8",
}

// database FILE ROWS makes a SQLite database, or adds rows to it.
func verbDatabase(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(`CREATE TABLE IF NOT EXISTS note (text);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(? AS INTEGER))
		INSERT INTO note SELECT hex(randomblob(500)) FROM n`, args[1])
	ts.Check(err)
	ts.Check(db.Close())
}

// rows FILE ROWS says how many rows there are, and that the database is sound.
func verbRows(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0])+"?mode=ro")
	ts.Check(err)
	defer db.Close()
	var rows, sound string
	ts.Check(db.QueryRow("SELECT count(*) FROM note").Scan(&rows))
	ts.Check(db.QueryRow("PRAGMA integrity_check").Scan(&sound))
	if rows != args[1] || sound != "ok" {
		ts.Fatalf("%s has %s rows, want %s; %s", args[0], rows, args[1], sound)
	}
}

// damage FILE zeroes the middle of a file.
func verbDamage(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	info, err := file.Stat()
	ts.Check(err)
	_, err = file.WriteAt(bytes.Repeat([]byte{0xa5}, int(info.Size()/4)), info.Size()/2)
	ts.Check(err)
	ts.Check(file.Close())
}

// bind DIR AT shows DIR at another place, read-only; that needs [root].
func verbBind(ts *testscript.TestScript, _ bool, args []string) {
	at := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(at, 0o700))
	ts.Check(syscall.Mount(ts.MkAbs(args[0]), at, "", syscall.MS_BIND, ""))
	ts.Defer(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
	ts.Check(syscall.Mount("", at, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
}
