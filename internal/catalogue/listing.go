package catalogue

import (
	"fmt"
	"path/filepath"
)

// header begins a listing.
type header struct {
	Name    string   `json:"name"` // of the file, without its ending
	Host    string   `json:"host"`
	Layer   string   `json:"layer"`
	Tree    string   `json:"tree"`
	Mount   string   `json:"mount"`
	Exclude []string `json:"exclude,omitempty"`
	Skip    []string `json:"skip,omitempty"`
}

const listingEnding = ".listing"

func newHeader(name, host string, s Sync) header {
	return header{name, host, s.Layer, filepath.Clean(s.Tree), s.Mount, s.Exclude, s.Skip}
}

// reader reads a listing, one entry after the other.
type reader struct {
	*source
	header header
	count  uint64
	// path is the folder that was read last. After next says that there is another
	// folder it is that one.
	path string
	over bool
}

func openListing(path string) (*reader, error) {
	r := &reader{}
	var err error
	if r.source, err = openFile(path, &r.header); err != nil {
		return nil, err
	}
	return r, nil
}

// next reads on: an entry in the current folder, or another folder, or the end.
func (r *reader) next() (e entry, inFolder bool, err error) {
	mark, err := r.ReadByte()
	if err != nil {
		return entry{}, false, cut(err)
	}
	switch mark {
	case folderMark:
		r.path, err = r.text(longestName)
		return entry{}, false, err
	case endMark:
		n, err := r.number()
		if err == nil && n != r.count {
			err = fmt.Errorf("it lists %d entries of %d", r.count, n)
		}
		if err == nil {
			err = r.finish()
		}
		r.over = true
		return entry{}, false, err
	}
	r.count++
	e, err = r.entry(mark)
	return e, true, err
}
