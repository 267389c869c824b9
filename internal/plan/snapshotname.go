package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Snapshots are named as the scripts named them that bkplan replaces, so that
// what people have to find and restore them goes on working:
// `<lv>_snap_YYYYmmdd_HHMM`, in the policy's time zone. Copies made before a
// restore are `<lv>_pre_restore_YYYYmmdd_HHMM`.
const (
	snapInfix       = "_snap_"
	preRestoreInfix = "_pre_restore_"
	stampLayout     = "20060102_1504"
	tagTimeLayout   = "20060102T150405Z"
)

// LVM's limits, in bytes: of `<group>/<volume>`, and of the device's name, which
// is both joined by a hyphen with every hyphen in them doubled. LVM 2.03 makes a
// volume beyond the second and cannot activate it.
const (
	maxVolumePath = 125
	maxDeviceName = 127
)

// Tags by which a layer recognises its snapshots.
const (
	tagPrefix = "bkplan."
	tagLayer  = "bkplan.layer="
	tagOrigin = "bkplan.origin="
	tagVolume = "bkplan.volume="
	tagTime   = "bkplan.time="
	tagSlot   = "bkplan.slot="
)

// nameStamp is the time that a snapshot's name carries.
type nameStamp struct {
	origin     string
	time       time.Time
	preRestore bool
}

// parseSnapshotName reads a name of the older scripts. The time is taken in
// zone; seconds are read where a script wrote them.
func parseSnapshotName(name string, zone *time.Location) (nameStamp, bool) {
	for _, infix := range []string{snapInfix, preRestoreInfix} {
		i := strings.LastIndex(name, infix)
		if i <= 0 {
			continue
		}
		t, ok := parseStamp(name[i+len(infix):], zone)
		if !ok {
			continue
		}
		return nameStamp{origin: name[:i], time: t, preRestore: infix == preRestoreInfix}, true
	}
	return nameStamp{}, false
}

// parseStamp reads YYYYmmdd_HHMM[SS]. A time that the calendar does not have
// is no stamp; one that a clock change skips is. One that the clock shows twice
// is the first of both, so that it does not lie in the future.
func parseStamp(s string, zone *time.Location) (time.Time, bool) {
	if len(s) != 13 && len(s) != 15 || s[8] != '_' {
		return time.Time{}, false
	}
	var n [6]int
	for i, field := range [6][2]int{{0, 4}, {4, 6}, {6, 8}, {9, 11}, {11, 13}, {13, 15}} {
		if field[1] > len(s) {
			break
		}
		for _, c := range []byte(s[field[0]:field[1]]) {
			if c < '0' || c > '9' {
				return time.Time{}, false
			}
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	day := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)
	if day.Year() != n[0] || int(day.Month()) != n[1] || day.Day() != n[2] || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return time.Time{}, false
	}
	return firstShown(time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, zone)), true
}

// firstShown is the first instant at which a clock shows what it shows at t.
func firstShown(t time.Time) time.Time {
	start, _ := t.ZoneBounds()
	if start.IsZero() {
		return t
	}
	_, before := start.Add(-time.Second).Zone()
	_, offset := t.Zone()
	if first := t.Add(time.Duration(offset-before) * time.Second); first.Before(t) && first.Before(start) {
		return first
	}
	return t
}

// snapshotName picks a free name for a snapshot of origin made at t. Where
// the plain one would be too long for LVM the origin's name is shortened and a
// digest of it added; a name that is taken, by another layer in the same
// minute for one, gets a number.
func snapshotName(volumeGroup, origin string, t time.Time, taken func(string) bool) (string, bool) {
	suffix := snapInfix + t.Format(stampLayout)
	for n := 1; n < 100; n++ {
		if n > 1 {
			suffix = fmt.Sprintf("%s%s_%d", snapInfix, t.Format(stampLayout), n)
		}
		name, ok := fitName(volumeGroup, origin, suffix)
		if !ok {
			return "", false
		}
		if !taken(name) {
			return name, true
		}
	}
	return "", false
}

func fitName(volumeGroup, origin, suffix string) (string, bool) {
	if nameFits(volumeGroup, origin+suffix) {
		return origin + suffix, true
	}
	digest := sha256.Sum256([]byte(origin))
	tail := "." + hex.EncodeToString(digest[:6]) + suffix
	for i := len(origin) - 1; i > 0; i-- {
		if nameFits(volumeGroup, origin[:i]+tail) {
			return origin[:i] + tail, true
		}
	}
	return "", false
}

func nameFits(volumeGroup, name string) bool {
	path := len(volumeGroup) + 1 + len(name)
	return path <= maxVolumePath && path+strings.Count(volumeGroup, "-")+strings.Count(name, "-") <= maxDeviceName
}

// snapshotTags are the tags of a new snapshot.
func snapshotTags(layer string, v volume, at, slot time.Time) []string {
	return []string{
		tagLayer + escapeTag(layer),
		tagOrigin + escapeTag(v.lvName),
		tagVolume + escapeTag(v.name),
		tagTime + at.UTC().Format(tagTimeLayout),
		tagSlot + slot.UTC().Format(tagTimeLayout),
	}
}

// ownTags reads the tags of a snapshot that bkplan made; ok is false when it
// has none, or not each exactly once, or they cannot be read.
func ownTags(tags []string) (layer, origin, volume string, at time.Time, ok bool) {
	found := 0
	for _, tag := range tags {
		var err error
		switch {
		case strings.HasPrefix(tag, tagLayer):
			layer, err = unescapeTag(tag[len(tagLayer):])
		case strings.HasPrefix(tag, tagOrigin):
			origin, err = unescapeTag(tag[len(tagOrigin):])
		case strings.HasPrefix(tag, tagTime):
			at, err = time.Parse(tagTimeLayout, tag[len(tagTime):])
		case strings.HasPrefix(tag, tagVolume):
			volume, err = unescapeTag(tag[len(tagVolume):])
			found--
		default:
			continue
		}
		if err != nil {
			return "", "", "", time.Time{}, false
		}
		found++
	}
	return layer, origin, volume, at, found == 3 && layer != "" && origin != "" && !at.IsZero()
}

// isClone says whether a logical volume is a throw-away clone that bkplan reads
// a snapshot from.
func isClone(tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, TagClone) })
}

// isTagged says whether a logical volume has a tag of bkplan's, read or not.
func isTagged(tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, tagPrefix) })
}

// escapeTag writes bytes that LVM does not allow in a tag as #xx. A tag holds
// 1024 bytes, which names of Kubernetes and LVM do not come near.
func escapeTag(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			strings.IndexByte("_+.-/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "#%02x", c)
		}
	}
	return b.String()
}

func unescapeTag(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '#' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 > len(s) {
			return "", fmt.Errorf("tag %q ends in the middle of an escape", s)
		}
		c, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", fmt.Errorf("decode tag %q: %w", s, err)
		}
		b.WriteByte(c[0])
		i += 2
	}
	return b.String(), nil
}
