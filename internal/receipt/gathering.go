package receipt

import (
	"cmp"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
)

// Gathering are the receipts of a destination that cannot be read here, as they
// come in. Each is judged by the rules of ReadAll. The zero value is empty.
type Gathering struct {
	found []placed
	bad   []plan.BadReceipt
}

type placed struct {
	at      string
	receipt plan.Receipt
}

// levels is how deep receipts lie: `layer/version/volume.json`.
const levels = 3

// Add takes what lies at a path relative to plan.ReceiptFolder. An error is one of
// reading.
func (g *Gathering) Add(at string, info fs.FileInfo, content io.Reader) error {
	depth := strings.Count(at, "/") + 1
	switch {
	case depth > levels || depth < levels && info.IsDir():
	case depth < levels && info.Mode()&fs.ModeSymlink != 0:
		g.refuse(at, &folder.NotFolderError{Path: at, Link: true})
	case depth < levels || !strings.HasSuffix(at, extension):
		g.refuse(at, errMisplaced)
	case !info.Mode().IsRegular():
		g.refuse(at, errNoFile)
	case info.Size() > maxSize:
		g.refuse(at, errTooLarge)
	default:
		return g.read(at, content)
	}
	return nil
}

func (g *Gathering) read(at string, content io.Reader) error {
	text, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	r, err := DecodeAt(text, at)
	if err != nil {
		g.refuse(at, err)
		return nil
	}
	g.found = append(g.found, placed{at, r})
	return nil
}

func (g *Gathering) refuse(at string, err error) {
	c := collection{bad: g.bad}
	c.refuse(at, err)
	g.bad = c.bad
}

// All gives what came in, as ReadAll does: sorted by where it lies.
func (g *Gathering) All() ([]plan.Receipt, []plan.BadReceipt) {
	slices.SortFunc(g.found, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	slices.SortFunc(g.bad, func(a, b plan.BadReceipt) int { return cmp.Compare(a.File, b.File) })
	var receipts []plan.Receipt
	for _, p := range g.found {
		receipts = append(receipts, p.receipt)
	}
	return receipts, g.bad
}
