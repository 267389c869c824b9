package tree

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Totals sums up a tree.
type Totals struct {
	Files       int64 // entries that are no folders
	Directories int64 // the root is one
	Bytes       int64 // of regular files, each once, however many names it has
	// NewBytes are those of files that are no hard link to the previous version.
	NewBytes int64
	// Digest is "sha256:" and the SHA-256 of the manifest before compression.
	Digest string
}

// Previous is the version before, to which unchanged files are hard links.
type Previous struct {
	Root     string    // empty: there is none
	Manifest io.Reader // as WriteManifest wrote it; nil where it has none
	// Digest is what the manifest's must be; empty is not checked.
	Digest string
}

// WriteManifest walks a tree that nobody changes meanwhile, and writes what it
// holds, contents by their hash, to w. The same tree always gives the same
// bytes. A file that is the same inode as in the previous version is not read:
// its hash is taken from there. If the previous manifest is damaged or not the
// one with the given digest the error is ErrManifest, and it may be tried again
// without it. After an error, what was written to w is no manifest.
//
// Not in a manifest are extended attributes, which names share an inode, and
// the sizes of folders.
func WriteManifest(ctx context.Context, root string, previous Previous, w io.Writer) (Totals, error) {
	s := newScan(ctx, true, &HashCache{})
	defer s.cancel(nil)
	var before *Reader
	if previous.Root != "" && previous.Manifest != nil {
		var err error
		if before, err = NewReader(previous.Manifest); err != nil {
			return Totals{}, pathError("read the manifest of", previous.Root, err)
		}
		s.previous = before
	}
	out, err := newEncoder(w)
	if err != nil {
		return Totals{}, fmt.Errorf("compress manifest: %w", err)
	}
	top, second, err := openBoth(root, previous.Root)
	if err != nil {
		return Totals{}, err
	}
	t := tally{root: root, encoder: out, seen: inodeSet{}, fresh: inodeSet{}}
	if err := s.run(top, second, t.add); err != nil {
		return Totals{}, fmt.Errorf("write manifest of %q: %w", root, err)
	}
	if err := drain(before, previous.Digest); err != nil {
		return Totals{}, pathError("read the manifest of", previous.Root, err)
	}
	if t.Digest, err = out.close(); err != nil {
		return Totals{}, fmt.Errorf("write manifest of %q: %w", root, err)
	}
	return t.Totals, nil
}

func openBoth(root, previous string) (int, int, error) {
	top, err := openRoot(root)
	if err != nil {
		return -1, -1, err
	}
	second, err := openPrevious(previous)
	if err != nil {
		_ = unix.Close(top)
		return -1, -1, err
	}
	return top, second, nil
}

// drain reads a manifest to its end: only there it shows whether it is whole.
func drain(m *Reader, digest string) error {
	if m == nil {
		return nil
	}
	for {
		_, err := m.Next()
		switch {
		case isEnd(err) && digest != "" && m.Digest() != digest:
			return fmt.Errorf("%w: its digest is %s, not %s", ErrManifest, m.Digest(), digest)
		case isEnd(err):
			return nil
		case err != nil:
			return err
		}
	}
}

// isEnd tells the end of a manifest from what is wrong with it.
func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// tally writes entries down and sums them up.
type tally struct {
	Totals
	root    string
	encoder *encoder
	seen    inodeSet // files with several names
	fresh   inodeSet // those whose bytes were taken for new
}

func (t *tally) add(i *item) error {
	if i.err != nil {
		return pathError("read", t.root+"/"+i.Path, i.err)
	}
	if i.Type == Folder {
		t.Directories++
	} else {
		t.Files++
	}
	if i.Type == File {
		t.bytes(i)
	}
	return t.encoder.write(&i.Entry)
}

// bytes counts a file once. It is new only if none of its names leads to the
// previous version.
func (t *tally) bytes(i *item) {
	several := i.names > 1
	first := !several || t.seen.add(i.number)
	if first {
		t.Bytes += i.Size
	}
	switch {
	case first && !i.same:
		t.NewBytes += i.Size
		if several {
			t.fresh.add(i.number)
		}
	case i.same && several && t.fresh.remove(i.number):
		t.NewBytes -= i.Size
	}
}
