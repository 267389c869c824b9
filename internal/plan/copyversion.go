package plan

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/retention"
	"github.com/bkplan/bkplan/internal/stamp"
)

// copyVersion is a folder recognised as a version.
type copyVersion struct {
	name    string    // "2026-46"
	path    string    // relative to the layer's directory
	start   time.Time // the beginning of what its name stands for
	time    time.Time // when it was made; without a receipt its start
	receipt *Receipt
}

// taken is the age of the data, which is never younger than its version.
func (v copyVersion) taken() time.Time {
	if v.receipt == nil || v.receipt.Source.Taken.IsZero() || v.receipt.Source.Taken.After(v.time) {
		return v.time
	}
	return v.receipt.Source.Taken
}

// holding is what a disk holds for a layer.
type holding struct {
	versions map[string][]copyVersion // by path of the volume below a version's folder
	foreign  []Entry
	lost     []Receipt // of which there is no version
}

func (h holding) of(volumePath string) []copyVersion { return h.versions[volumePath] }

// recognise sorts the entries of the layer's directory: versions have a name
// that the layer's format gives, and lie as deep as its volumes do. A receipt
// proves one complete. What an older script made has none; it counts all the
// same, by its name.
func (l *copyLayer) recognise() holding {
	h := holding{versions: map[string][]copyVersion{}}
	receipts := map[string]*Receipt{}
	for i, r := range l.disk.Receipts {
		if r.Layer == l.layer.Name {
			receipts[r.Path] = &l.disk.Receipts[i]
		}
	}
	proven := map[*Receipt]bool{}
	for _, e := range l.folder.Entries {
		name, volume, _ := strings.Cut(e.Path, "/")
		start, ok := stamp.Parse(l.layer.Version, name, l.zone())
		if !ok || e.Odd || e.Type != EntryFolder || !plainPath(e.Path, l.folder.Depth) {
			h.foreign = append(h.foreign, e)
			continue
		}
		v := copyVersion{name: name, path: e.Path, start: start, time: start}
		if r := receipts[path.Join(l.layer.Directory, e.Path)]; r != nil {
			v.receipt, proven[r] = r, true
			if !r.Adopted && !r.Started.IsZero() {
				v.time = r.Started
			}
		}
		h.versions[volume] = append(h.versions[volume], v)
	}
	for _, versions := range h.versions {
		slices.SortFunc(versions, func(a, b copyVersion) int {
			return cmp.Or(b.time.Compare(a.time), b.start.Compare(a.start), cmp.Compare(b.name, a.name))
		})
	}
	for i, r := range l.disk.Receipts {
		if r.Layer == l.layer.Name && !proven[&l.disk.Receipts[i]] {
			h.lost = append(h.lost, r)
		}
	}
	return h
}

// plainPath says whether a path has so many names, each of which names something
// in a folder, and so leads nowhere else.
func plainPath(p string, depth int) bool {
	return strings.Count(p, "/")+1 == depth && path.Clean(p) == p && p != "." && p != ".." && !strings.HasPrefix(p, "../") && !strings.HasPrefix(p, "/") && !strings.Contains(p, "\x00")
}

// Depth is how many names lie between a layer's directory and a version of a
// volume; 0 where the directory itself is the only copy. A mirror of several volumes
// has one below each name.
func (p Policy) Depth(l Layer) int {
	source, _ := p.Source(l.From)
	switch {
	case l.Kind == LayerSync && source.Directory != nil && source.Directory.Each != "":
		return 1
	case l.Kind == LayerSync:
		return 0
	case l.From.Type == "layer":
		return 3 // version, namespace, claim
	case source.Kind == SourcePFSense:
		return 1
	}
	return 2
}

// copyHistory is what there is of a volume in a copy layer.
type copyHistory struct {
	regular []copyVersion // not in the future, newest first
	newest  *copyVersion
	latest  *copyVersion // by its name; another one than newest where a receipt is missing
	shrunk  *copyVersion // far larger than the newest, which looks wrong beside it
}

func newCopyHistory(versions []copyVersion, now time.Time) copyHistory {
	h := copyHistory{regular: keep(versions, func(v copyVersion) bool { return !InFuture(v.time, now) })}
	if len(h.regular) == 0 {
		return h
	}
	h.newest = &h.regular[0]
	for i := range h.regular {
		if h.latest == nil || h.regular[i].start.After(h.latest.start) {
			h.latest = &h.regular[i]
		}
		if v := &h.regular[i]; h.shrunk == nil && h.newest.receipt != nil && v.receipt != nil &&
			FarSmaller(h.newest.receipt.Files, h.newest.receipt.Bytes, *v.receipt) {
			h.shrunk = v
		}
	}
	return h
}

// age is when the newest data was taken; zero when there is none.
func (h copyHistory) age() time.Time {
	if h.newest == nil {
		return time.Time{}
	}
	return h.newest.taken()
}

// A volume is far smaller than it was when a tenth is left of its files or of
// their bytes; what was tiny before says nothing.
const (
	smallerBy   = 10
	tellingFile = 10      // files
	tellingSize = 1 << 20 // bytes
)

// FarSmaller says whether a version of so many files and bytes is so much
// smaller than an earlier one that something may be wrong with it (safety
// rule 1).
func FarSmaller(files, bytes int64, before Receipt) bool {
	return before.Files >= tellingFile && files <= before.Files/smallerBy ||
		before.Bytes >= tellingSize && bytes <= before.Bytes/smallerBy
}

// retainedCopies asks the retention engine which of the versions go, by path.
func retainedCopies(versions []copyVersion, rules retention.Rules, ref time.Time, zone *time.Location) map[string]retention.Reason {
	list := make([]retention.Version, len(versions))
	for i, v := range versions {
		list[i] = retention.Version{Time: v.time, ID: v.path}
	}
	return going(list, rules, ref, zone)
}
