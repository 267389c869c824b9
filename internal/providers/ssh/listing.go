package ssh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/rsync"
)

// listFormat is how rsync tells every entry: what it did, the mode, the size, the
// time and the name.
const listFormat = "%i %B %l %M %n"

// listForm takes such a line apart: what was done and to which type of entry, the
// mode, the size, and the rest.
var listForm = regexp.MustCompile(`^([<>ch.])([fdLDS])(.{9}) ([^ ]+) ([0-9]+) (.*)\n$`)

// isNew is what rsync writes in the place of what differs in an entry that was not
// there.
const isNew = "+++++++++"

// goneForm is a line of something that was deleted, and its name: of a folder that ends
// in a slash.
var goneForm = regexp.MustCompile(`^\*deleting   [^ ]+ [0-9]+ [^ ]+ (.*?)(/?)\n$`)

// mostDeleted is how many names are kept of what was deleted.
const mostDeleted = 100_000

// listDigest begins the digest of a mirror: that of names, sizes, times and modes,
// without contents.
const listDigest = "names-sha256:"

// listing sums up the entries that rsync tells of, as they come. Memory is bounded
// by 32 bytes for each.
type listing struct {
	files, folders int64
	bytes          int64 // of regular files, by each of their names
	again          int64 // of those names that are links to another one in the list
	fresh          int64 // of those that were sent
	// grown is by how many files and folders there are more now; less is negative.
	grown   struct{ files, folders int64 }
	deleted deletions
	entries [][sha256.Size]byte
	lines   lines
}

// lines takes apart what a program writes.
type lines struct{ rest []byte } // of a line whose end has not come

// cut hands on each line, with its end.
func (l *lines) cut(text []byte, take func([]byte)) (int, error) {
	n := len(text)
	for {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			l.rest = append(l.rest, text...)
			return n, nil
		}
		take(append(l.rest, text[:end+1]...))
		l.rest, text = l.rest[:0], text[end+1:]
	}
}

// newListing begins anew after a try that failed, whose files are sent all the same.
func newListing(before *listing) *listing {
	if before == nil {
		return &listing{}
	}
	l := &listing{fresh: before.fresh, grown: before.grown, deleted: before.deleted}
	l.deleted.more = true
	return l
}

// Write takes what rsync writes.
func (l *listing) Write(text []byte) (int, error) { return l.lines.cut(text, l.line) }

func (l *listing) line(line []byte) {
	parts := listForm.FindSubmatch(line)
	if parts == nil {
		l.gone(line)
		return
	}
	did, kind, size := parts[1][0], parts[2][0], []byte("0")
	if string(parts[3]) == isNew {
		l.grow(kind == 'd', 1)
	}
	switch kind {
	case 'd':
		l.folders++
	case 'f':
		l.files++
		size = parts[5]
		bytes, _ := strconv.ParseInt(string(size), 10, 64) // the form has been checked
		l.bytes += bytes
		switch did {
		case '<':
			l.fresh += bytes
		case 'h':
			l.again += bytes
		}
	default:
		l.files++
	}
	l.entries = append(l.entries, sha256.Sum256(bytes.Join([][]byte{{kind}, parts[4], size, parts[6]}, []byte(" "))))
}

// gone takes what was deleted; what else rsync says beside the list is of no interest.
func (l *listing) gone(line []byte) {
	if parts := goneForm.FindSubmatch(line); parts != nil {
		l.grow(len(parts[2]) > 0, -1)
		l.deleted.add(rsync.Unescape(string(parts[1])), len(parts[2]) > 0)
	}
}

// deletions are the outermost names of what was deleted.
type deletions struct {
	names []deletion
	more  bool // not all of them are known
}

type deletion struct {
	name   string
	folder bool
}

// add takes a name. What lies in a folder comes right before it.
func (d *deletions) add(name string, folder bool) {
	for folder && len(d.names) > 0 && strings.HasPrefix(d.names[len(d.names)-1].name, name+"/") {
		d.names = d.names[:len(d.names)-1]
	}
	if len(d.names) >= mostDeleted {
		d.more = true
		return
	}
	d.names = append(d.names, deletion{name, folder})
}

func (d *deletions) told() providers.Deleted {
	all := providers.Deleted{MaybeMore: d.more}
	for _, one := range d.names {
		switch {
		case !filepath.IsLocal(one.name) || filepath.Clean(one.name) != one.name:
			all.MaybeMore = true
		case one.folder:
			all.Folders = append(all.Folders, one.name)
		default:
			all.Names = append(all.Names, one.name)
		}
	}
	return all
}

func (l *listing) grow(folder bool, by int64) {
	if folder {
		l.grown.folders += by
	} else {
		l.grown.files += by
	}
}

// digest is the same for the same entries, in whatever order they came.
func (l *listing) digest() string {
	slices.SortFunc(l.entries, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	sum := sha256.New()
	for _, e := range l.entries {
		sum.Write(e[:])
	}
	return listDigest + hex.EncodeToString(sum.Sum(nil))
}

var sizeForm = regexp.MustCompile(`(?m)^-\S+ +[0-9]+ +[0-9]+ +[0-9]+ +([0-9]+) `)

// sumOf adds up the sizes of regular files in what `ls -lnd` writes. A name with a
// line in it that looks like one can only make the sum larger.
func sumOf(list string) int64 {
	var sum int64
	for _, found := range sizeForm.FindAllStringSubmatch(list, -1) {
		n, _ := strconv.ParseInt(found[1], 10, 64) // the form has been checked
		sum += n
	}
	return sum
}
