package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
)

// oldVersions are the versions of one name that a layer keeps, of all volumes that
// have a newer one.
type oldVersions struct {
	name    string // layer and version, "weekly/2026-44"
	made    time.Time
	volumes int
	bytes   int64 // freed when they go after all that are older
}

// oldestAt are the versions at a destination that could go, oldest first, by their
// receipts. The newest of a volume is not among them.
func (b *builder) oldestAt(d Destination) []oldVersions {
	if list, known := b.oldest[d.Place()]; known {
		return list
	}
	var list []oldVersions
	index := map[string]int{}
	for _, disk := range b.observation.Disks {
		if disk.Address != d.Address || !under(disk.Path, d.Path) {
			continue
		}
		for _, versions := range byVolume(disk.Receipts) {
			for i, r := range versions[1:] {
				name := r.Layer + "/" + r.Version
				at, known := index[name]
				if !known {
					at, index[name] = len(list), len(list)
					list = append(list, oldVersions{name: name, made: r.Started})
				}
				old := &list[at]
				old.made, old.volumes, old.bytes = earlier(old.made, r.Started), old.volumes+1, old.bytes+r.beyond(versions[i])
			}
		}
	}
	slices.SortFunc(list, func(a, b oldVersions) int { return cmp.Or(a.made.Compare(b.made), strings.Compare(a.name, b.name)) })
	b.oldest[d.Place()] = list
	return list
}

// byVolume sorts receipts by what they are of, newest first. A mirror has one.
func byVolume(receipts []Receipt) map[layerVolume][]Receipt {
	volumes := map[layerVolume][]Receipt{}
	for _, r := range receipts {
		key := layerVolume{r.Layer, r.Volume}
		volumes[key] = append(volumes[key], r)
	}
	for _, versions := range volumes {
		slices.SortFunc(versions, func(a, b Receipt) int {
			return cmp.Or(b.Started.Compare(a.Started), strings.Compare(b.Version, a.Version))
		})
	}
	return volumes
}

// beyond is what a version has that the one after it does not share.
func (r Receipt) beyond(after Receipt) int64 {
	return max(0, r.Bytes-max(0, after.Bytes-max(0, after.NewBytes)))
}

// fewNames is how many names a text has room for.
const fewNames = 3

// makeRoom names the oldest versions at a destination that free so many bytes, or says
// that all of them do not. It is empty where none is known.
func (b *builder) makeRoom(d Destination, missing int64) string {
	list, total := b.oldestAt(d), int64(0)
	n := 0
	for ; n < len(list) && total < missing; n++ {
		total += list[n].bytes
	}
	if n == 0 {
		return ""
	}
	text := fmt.Sprintf("; %s are missing, ", quantity.Size(missing).Human())
	if total < missing {
		return text + "and all versions there but the newest of each volume would free " + quantity.Size(total).Human()
	}
	var names []string
	for _, o := range list[:min(n, fewNames)] {
		names = append(names, fmt.Sprintf("%s of %s (%s)", o.name, count(o.volumes, "volume"), quantity.Size(o.bytes).Human()))
	}
	text += "for which these would have to go, the oldest there: "
	if n > fewNames {
		return text + fmt.Sprintf("%s, … and %d more (%s in all)", strings.Join(names, ", "), n-fewNames, quantity.Size(total).Human())
	}
	return text + enumerate(names)
}

// sized counts versions, with what those of them that have a receipt take up: each
// the files that are no links to an earlier one, and the oldest of a volume all of it.
func sized(n int, receipts []Receipt) string {
	text, bytes, known := count(n, "version"), int64(0), 0
	for _, versions := range byVolume(receipts) {
		known += len(versions)
		for i, r := range versions {
			if i == len(versions)-1 {
				bytes += max(0, r.Bytes)
			} else {
				bytes += max(0, min(r.Bytes, r.NewBytes))
			}
		}
	}
	switch {
	case bytes == 0:
		return text
	case known < n:
		return fmt.Sprintf("%s (%s in %d of them)", text, quantity.Size(bytes).Human(), known)
	}
	return fmt.Sprintf("%s (%s)", text, quantity.Size(bytes).Human())
}

// receiptsOf are the receipts of those versions that have one.
func receiptsOf(versions []copyVersion) []Receipt {
	var receipts []Receipt
	for _, v := range versions {
		if v.receipt != nil {
			receipts = append(receipts, *v.receipt)
		}
	}
	return receipts
}
