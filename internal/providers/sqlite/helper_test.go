package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/providers"
	"golang.org/x/sys/unix"
)

const childVariable = "BKPLAN_TEST_SQLITE_CHILD"

func TestMain(m *testing.M) {
	if file := os.Getenv(childVariable); file != "" {
		child(file)
		return
	}
	os.Exit(m.Run())
}

// child executes a statement for each line it reads, and answers with a line.
func child(file string) {
	db, err := sql.Open("sqlite", plainAddress(file))
	if err != nil {
		panic(err)
	}
	db.SetMaxOpenConns(1)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer, err := first(db, lines.Text())
		if err != nil {
			answer = "error: " + err.Error()
		}
		fmt.Println(answer)
	}
}

// plainAddress is the URI that an application uses, which shares its database.
func plainAddress(file string) string { return strings.SplitN(address(file, "rwc"), "?", 2)[0] }

// first is the first value that a statement returns.
func first(db *sql.DB, statement string) (string, error) {
	rows, err := db.Query(statement)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		return "", errors.Join(err, rows.Err())
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(sql.NullString)
	}
	err = rows.Scan(values...)
	return values[0].(*sql.NullString).String, err
}

// application is another process that uses a database.
type application struct {
	t       *testing.T
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

func start(t *testing.T, file string) *application {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childVariable+"="+file)
	in, err := command.StdinPipe()
	must(t, err)
	out, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	a := &application{t, command, in, bufio.NewScanner(out)}
	t.Cleanup(a.kill)
	return a
}

// do returns the first value, or "error: …".
func (a *application) do(statement string) string {
	a.t.Helper()
	fmt.Fprintln(a.in, statement)
	if !a.out.Scan() {
		a.t.Fatalf("%s: the application has died", statement)
	}
	return a.out.Text()
}

func (a *application) must(statements ...string) {
	a.t.Helper()
	for _, s := range statements {
		if answer := a.do(s); strings.HasPrefix(answer, "error:") {
			a.t.Fatalf("%s: %s", s, answer)
		}
	}
}

// kill ends it as a crash does.
func (a *application) kill() {
	if a.command.ProcessState == nil {
		a.command.Process.Kill()
		a.command.Wait()
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(text), 0o644))
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	return string(text)
}

// execute runs statements in a database of this process, and closes it.
func execute(t *testing.T, file string, statements ...string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	db, err := sql.Open("sqlite", plainAddress(file))
	must(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// value asks a database for one value. The file must be readable by itself: it
// is looked at in a folder of its own.
func value(t *testing.T, file, query string) string {
	t.Helper()
	alone := filepath.Join(t.TempDir(), "alone")
	write(t, alone, read(t, file))
	db, err := sql.Open("sqlite", alone)
	must(t, err)
	defer db.Close()
	answer, err := first(db, query)
	if err != nil {
		return "error: " + err.Error()
	}
	return answer
}

// fill makes a table of n rows, each of about 500 bytes.
func fill(n int) []string {
	return []string{
		"CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)", "CREATE INDEX i ON t (v)",
		fmt.Sprintf("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < %d) INSERT INTO t SELECT x, printf('%%0500d', x) FROM c", n),
	}
}

const total = "SELECT count(*) || '/' || sum(v) FROM t"

// snapshot copies a folder as it is, and shows it as a mounted snapshot shows
// it: nothing can be written there.
func snapshot(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	must(t, os.CopyFS(to, os.DirFS(from)))
	return readOnly(t, to)
}

func readOnly(t *testing.T, folder string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return folder
	}
	mounted := t.TempDir()
	must(t, unix.Mount(folder, mounted, "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(mounted, 0)) })
	must(t, unix.Mount("", mounted, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	if err := os.WriteFile(filepath.Join(mounted, "probe"), nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Fatalf("the mount is not read only: %v", err)
	}
	return mounted
}

func produce(t *testing.T, job providers.Job) (providers.Produced, error) {
	t.Helper()
	produced, err := Producer{}.Produce(context.Background(), job)
	for _, name := range tree(t, job.Into) {
		if base := filepath.Base(name); strings.Contains(base, "-wal") || strings.Contains(base, "-shm") ||
			strings.Contains(base, "-journal") || strings.HasPrefix(base, ".bkplan-sqlite") {
			t.Errorf("%q was left behind", name)
		}
	}
	return produced, err
}

// version makes a version of one folder, which must succeed.
func version(t *testing.T, root string) (string, providers.Produced) {
	t.Helper()
	into := t.TempDir()
	produced, err := produce(t, providers.Job{Roots: []string{root}, Into: into})
	must(t, err)
	return into, produced
}

// damages are those of a version of one folder, which must not succeed.
func damages(t *testing.T, job providers.Job) map[string]string {
	t.Helper()
	_, err := produce(t, job)
	var damage *DamageError
	if !errors.As(err, &damage) {
		t.Fatalf("want a DamageError, got %v", err)
	}
	all := map[string]string{}
	for _, d := range damage.Databases {
		all[d.Path] = strings.Join(d.Findings, "\n")
		for _, finding := range d.Findings {
			if !strings.Contains(err.Error(), finding) {
				t.Errorf("%q is not in the error %q", finding, err)
			}
		}
	}
	return all
}

// tree lists the files of a folder, not the folders.
func tree(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, strings.TrimPrefix(name, root+"/"))
		}
		return err
	}))
	return names
}
