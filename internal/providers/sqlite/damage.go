package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Damage is why a database, or a folder that may hold some, could not be copied.
type Damage struct {
	Path string // below the version; any bytes
	// Findings are what integrity_check says, at most maxFindings, or one error.
	// They can be printed.
	Findings []string
}

// DamageError lists all of a volume that could not be copied.
type DamageError struct {
	Databases []Damage
	Found     int // how many databases the volume has
}

func (e *DamageError) Error() string {
	texts := make([]string, 0, len(e.Databases))
	for _, d := range e.Databases {
		texts = append(texts, printable(d.Path)+": "+strings.Join(d.Findings, ", "))
	}
	return fmt.Sprintf("copy SQLite databases: %d could not be copied (%d found): %s",
		len(e.Databases), e.Found, strings.Join(texts, "; "))
}

// maxFindings is how much of a damaged database is told.
const maxFindings = 20

// corruption is what integrity_check found.
type corruption struct{ findings []string }

func (c *corruption) Error() string { return "corrupt: " + strings.Join(c.findings, ", ") }

func newDamage(place string, err error) Damage {
	var c *corruption
	if errors.As(err, &c) {
		return Damage{Path: place, Findings: c.findings}
	}
	return Damage{Path: place, Findings: []string{printable(err.Error())}}
}

var (
	// errChanged says that a file was written to while it was read.
	errChanged = errors.New("it was changed while it was copied")
	// errGone says that a database was deleted after it was found.
	errGone = errors.New("it was deleted")
)

// isGone says whether an error means that what was asked for is not there.
func isGone(err error) bool { return errors.Is(err, unix.ENOENT) }

// isForeign says whether SQLite does not know a file as a database. An encrypted
// one may have the whole first header in plain text; what follows is noise then,
// and its format a number that was never given out.
func isForeign(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code()&0xff == sqlite3.SQLITE_NOTADB || isUnknown(err) && strings.Contains(e.Error(), "unsupported file format")
}

// isUnknown says whether a statement needs what only the database's own
// application has: a collation, a function.
func isUnknown(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_ERROR
}

// guard makes an error of a crash in SQLite, which hostile databases may bring
// about: it must not be the end of the other volumes' copies.
func guard(work func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("SQLite crashed: %v", cause)
		}
	}()
	return work()
}

// printable is a text with whatever is not fit for a terminal escaped.
func printable(text string) string {
	quoted := strconv.Quote(text)
	if quoted[1:len(quoted)-1] == strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) {
		return text
	}
	return quoted
}

// stopped is the error of a context that has ended, nil before.
func stopped(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
