package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/bkplan/bkplan/internal/journal"
)

// ErrNotRunning is returned by Flush when nobody watches the tree.
var ErrNotRunning = errors.New("\"bkplan watch\" is not running")

// maxAnswer bounds what is read from the one who watches, in bytes.
const maxAnswer = 1 << 16

// Flush asks the one who watches a tree to write down all that has happened so
// far, and returns the point at which that is done: journal.Journal.Since proves
// what changed up to it. It may take as long as reading all folders of the tree;
// the context limits it. After any error, what the journal says is no proof.
func Flush(ctx context.Context, stateDir, tree string) (journal.Point, error) {
	folder, err := os.Open(journal.Folder(stateDir, tree))
	if err != nil {
		return journal.Point{}, ErrNotRunning
	}
	defer folder.Close()
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", address(folder).Name)
	if err != nil {
		return journal.Point{}, errors.Join(ErrNotRunning, ctx.Err())
	}
	defer func() { _ = connection.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	var a answer
	err = json.NewDecoder(io.LimitReader(connection, maxAnswer)).Decode(&a)
	switch {
	case ctx.Err() != nil:
		return journal.Point{}, fmt.Errorf("wait for \"bkplan watch\": %w", ctx.Err())
	case errors.Is(err, io.EOF):
		return journal.Point{}, ErrNotRunning // it was, and ended
	case err != nil:
		return journal.Point{}, fmt.Errorf("ask \"bkplan watch\": %w", err)
	case a.Error != "" || a.Point == nil:
		return journal.Point{}, fmt.Errorf("ask \"bkplan watch\": %s", a.Error)
	}
	return *a.Point, nil
}
