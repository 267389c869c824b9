package receipt

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
)

// Read gives the receipt of one version below a destination's root; it is
// fs.ErrNotExist when there is none.
func Read(root, layer, version, volume string) (plan.Receipt, error) {
	at := Path(layer, version, volume)
	f, err := folder.Open(filepath.Join(root), filepath.Join(plan.ReceiptFolder, filepath.Dir(at)))
	if err != nil {
		return plan.Receipt{}, fmt.Errorf("read receipt: %w", err)
	}
	defer f.Close()
	r, err := readFile(f, filepath.Base(at), at)
	if err != nil {
		return plan.Receipt{}, fmt.Errorf("read receipt %s: %w", at, err)
	}
	return r, nil
}

// readFile reads a file of a folder and holds it against the place where a
// receipt of its content lies.
func readFile(in *os.File, name, at string) (plan.Receipt, error) {
	file, err := folder.OpenFile(in, name)
	if err != nil {
		return plan.Receipt{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return plan.Receipt{}, err
	}
	if !info.Mode().IsRegular() {
		return plan.Receipt{}, errNoFile
	}
	if info.Size() > maxSize {
		return plan.Receipt{}, errTooLarge
	}
	text := make([]byte, info.Size())
	if n, err := io.ReadFull(file, text); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return plan.Receipt{}, err
	} else if int64(n) < info.Size() {
		return plan.Receipt{}, errTruncated
	}
	return DecodeAt(text, at)
}

// DecodeAt reads the text of a receipt's file and holds it against its place,
// relative to plan.ReceiptFolder.
func DecodeAt(text []byte, at string) (plan.Receipt, error) {
	r, err := Decode(text)
	if err != nil {
		return plan.Receipt{}, err
	}
	if own := Path(r.Layer, r.Version, r.Volume); own != at {
		return plan.Receipt{}, fmt.Errorf("its place is %s", own)
	}
	return r, nil
}

// Of gives all receipts of a volume in a layer that can be read, in order of
// version.
func Of(root, layer, volume string) ([]plan.Receipt, error) {
	in, err := folder.Open(root, filepath.Join(plan.ReceiptFolder, escape(layer)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	defer in.Close()
	versions, err := in.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	slices.Sort(versions)
	var found []plan.Receipt
	name := escape(volume) + extension
	for _, v := range versions {
		f, err := folder.Enter(in, v)
		if err != nil {
			continue
		}
		if r, err := readFile(f, name, filepath.Join(escape(layer), v, name)); err == nil {
			found = append(found, r)
		}
		f.Close()
	}
	return found, nil
}

// ReadAll reads every receipt of a destination, sorted by where they lie. What
// is among them and is none is told, and is no error. None are there when the
// folder is missing.
func ReadAll(root string) ([]plan.Receipt, []plan.BadReceipt, error) {
	top, err := folder.Open(root, plan.ReceiptFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list receipts: %w", err)
	}
	defer top.Close()
	c, err := list(top)
	if err != nil {
		return nil, nil, fmt.Errorf("list receipts: %w", err)
	}
	batches := make([]collection, len(c.folders))
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i, at := range c.folders {
		group.Go(func() error { return batches[i].readFolder(top, at) })
	}
	if err := group.Wait(); err != nil {
		return nil, nil, fmt.Errorf("read receipts: %w", err)
	}
	for _, b := range batches {
		c.receipts, c.bad = append(c.receipts, b.receipts...), append(c.bad, b.bad...)
	}
	slices.SortFunc(c.bad, func(a, b plan.BadReceipt) int { return cmp.Compare(a.File, b.File) })
	return c.receipts, c.bad, nil
}

// collection is what was found among the receipts.
type collection struct {
	folders  []string // of the versions, `layer/version`
	receipts []plan.Receipt
	bad      []plan.BadReceipt
}

func (c *collection) refuse(file string, err error) {
	c.bad = append(c.bad, plan.BadReceipt{File: strings.ToValidUTF8(file, "\uFFFD"), Detail: err.Error()})
}

var errMisplaced = errors.New("no receipt lies here")

// list finds the folders of the versions.
func list(top *os.File) (collection, error) {
	var c collection
	layers, err := names(top)
	if err != nil {
		return c, err
	}
	for _, layer := range layers {
		in, err := folder.Enter(top, layer)
		if !c.isFolder(layer, err) {
			continue
		}
		versions, err := names(in)
		in.Close()
		if err != nil {
			return c, err
		}
		for _, v := range versions {
			c.folders = append(c.folders, filepath.Join(layer, v))
		}
	}
	return c, nil
}

// isFolder takes note of what is in the place of a folder and is none.
func (c *collection) isFolder(at string, err error) bool {
	var not *folder.NotFolderError
	switch {
	case err == nil:
		return true
	case errors.As(err, &not) && !not.Link:
		c.refuse(at, errMisplaced)
	case !errors.Is(err, fs.ErrNotExist):
		c.refuse(at, err)
	}
	return false
}

// readFolder reads the receipts of a version. What has gone since the listing is
// none.
func (c *collection) readFolder(top *os.File, at string) error {
	in, err := folder.Open(top.Name(), at)
	if !c.isFolder(at, err) {
		return nil
	}
	defer in.Close()
	files, err := names(in)
	if err != nil {
		return err
	}
	for _, name := range files {
		file := filepath.Join(at, name)
		if !strings.HasSuffix(name, extension) {
			c.refuse(file, errMisplaced)
			continue
		}
		r, err := readFile(in, name, file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			c.refuse(file, err)
		default:
			c.receipts = append(c.receipts, r)
		}
	}
	return nil
}

func names(f *os.File) ([]string, error) {
	found, err := f.Readdirnames(-1)
	slices.Sort(found)
	return found, err
}
