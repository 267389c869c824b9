package lvm

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/bkplan/bkplan/internal/providers"
)

// Differences asks the pools' own metadata, by thin_delta. Whatever is in the
// way of that (the tool, the pool, another's metadata snapshot) makes the answer
// nil and is no error: it is an optimisation, and the volume is read instead.
// Snapshots count as of one volume when LVM or their tags say so.
func (o *Opener) Differences(ctx context.Context, pairs []providers.SnapshotPair) []*providers.Difference {
	o.metadata.Lock()
	defer o.metadata.Unlock()
	amounts := make([]*providers.Difference, len(pairs))
	type poolName struct{ group, pool string }
	var pools []poolName
	places := map[poolName][]int{}
	for i, pair := range pairs {
		name := poolName{pair.VolumeGroup, pair.Pool}
		if places[name] == nil {
			pools = append(pools, name)
		}
		places[name] = append(places[name], i)
	}
	for _, name := range pools {
		_ = o.comparePool(ctx, name.group, name.pool, func(compare compareFunc) { // nil amounts say it
			for _, i := range places[name] {
				amounts[i] = compare(pairs[i])
			}
		})
	}
	return amounts
}

// compareFunc compares the snapshots of a pair; nil is not known.
type compareFunc func(pair providers.SnapshotPair) *providers.Difference

// comparePool lets compareAll compare snapshots of a pool while its metadata
// stands still.
func (o *Opener) comparePool(ctx context.Context, group, pool string, compareAll func(compareFunc)) error {
	if err := errors.Join(checkGroup(group), checkName(group, pool)); err != nil {
		return err
	}
	rows, err := o.lookAll(ctx, group)
	if err != nil {
		return err
	}
	row := rows.byName[pool]
	if row == nil || !row.isThinPool() || checkUUID(row.UUID) != nil {
		return fmt.Errorf("%s/%s is no thin pool", group, pool)
	}
	metadata, found, err := o.host.find(func(m mapping) bool { return m.name == mapperName(group, pool)+"_tmeta" })
	if err != nil || !found {
		return errors.Join(errors.New("the pool's metadata has no device"), err)
	}
	held := heldMetadata{o, mapperName(group, pool) + "-tpool", row.UUID}
	if err := held.reserve(ctx); err != nil {
		return err
	}
	defer held.release(context.WithoutCancel(ctx))
	compareAll(func(pair providers.SnapshotPair) *providers.Difference {
		from, to, ok := rows.pair(pair)
		if !ok {
			return nil
		}
		amount, err := o.delta(ctx, metadata, from, to)
		if err != nil {
			return nil
		}
		return &providers.Difference{Bytes: amount, ToUUID: rows.named(pair.ToUUID, pair.ToName).UUID}
	})
	return nil
}

func (o *Opener) lookAll(ctx context.Context, group string) (volumeGroup, error) {
	if err := o.provider.begin(ctx); err != nil {
		return volumeGroup{}, err
	}
	defer o.provider.end()
	return o.provider.look(ctx, group)
}

// pair finds the thin devices of two snapshots that can be compared: they are of
// the same volume, and of the same size.
func (g volumeGroup) pair(p providers.SnapshotPair) (from, to int64, ok bool) {
	a, b := g.named(p.FromUUID, p.FromName), g.named(p.ToUUID, p.ToName)
	if a == nil || b == nil || a.Pool != p.Pool || b.Pool != p.Pool || a.Size != b.Size || !sameOrigin(a, b) {
		return 0, 0, false
	}
	from, errFrom := parseBytes(a.ThinID)
	to, errTo := parseBytes(b.ThinID)
	return from, to, errFrom == nil && errTo == nil
}

func (g volumeGroup) named(uuid, name string) *volumeRow {
	if uuid != "" {
		return g.byUUID[uuid]
	}
	return g.byName[name]
}

func sameOrigin(a, b *volumeRow) bool {
	if a.OriginUUID != "" && a.OriginUUID == b.OriginUUID {
		return true
	}
	origin := a.taggedOrigin()
	return origin != "" && origin == b.taggedOrigin()
}

// delta is how many bytes of two thin devices are not the same.
func (o *Opener) delta(ctx context.Context, metadata device, from, to int64) (int64, error) {
	output, err := o.run(ctx, o.limits.delta, "thin_delta", "-m",
		"--thin1", strconv.FormatInt(from, 10), "--thin2", strconv.FormatInt(to, 10), metadata.path)
	if err != nil {
		return 0, err
	}
	return readDelta(bytes.NewReader(output.Stdout), from, to)
}

// sectorSize is that of thin_delta's data_block_size, in bytes.
const sectorSize = 512

// readDelta adds up what thin_delta prints. Anything it does not know makes the
// whole of it useless.
func readDelta(text io.Reader, from, to int64) (int64, error) {
	var document struct {
		XMLName   xml.Name `xml:"superblock"`
		BlockSize int64    `xml:"data_block_size,attr"` // sectors
		Diffs     []struct {
			Left   int64       `xml:"left,attr"`
			Right  int64       `xml:"right,attr"`
			Ranges deltaRanges `xml:",any"`
		} `xml:"diff"`
	}
	decoder := xml.NewDecoder(text)
	if err := decoder.Decode(&document); err != nil {
		return 0, fmt.Errorf("read the output of thin_delta: %w", err)
	}
	if len(document.Diffs) != 1 || document.Diffs[0].Left != from || document.Diffs[0].Right != to {
		return 0, errors.New("read the output of thin_delta: it is not of the two devices asked for")
	}
	const most = 1 << 24 // sectors of a block; the kernel takes up to 2 million
	blocks := document.Diffs[0].Ranges.blocks
	if document.BlockSize <= 0 || document.BlockSize > most || blocks > (1<<62)/(most*sectorSize) {
		return 0, errors.New("read the output of thin_delta: sizes that no pool has")
	}
	return blocks * document.BlockSize * sectorSize, nil
}

// deltaRanges counts the blocks of ranges while they are read, without keeping
// them: there may be millions.
type deltaRanges struct{ blocks int64 }

// UnmarshalXML takes one range.
func (r *deltaRanges) UnmarshalXML(decoder *xml.Decoder, start xml.StartElement) error {
	var length struct {
		Blocks *int64 `xml:"length,attr"`
	}
	if err := decoder.DecodeElement(&length, &start); err != nil {
		return err
	}
	if length.Blocks == nil || *length.Blocks < 0 || *length.Blocks > 1<<37-r.blocks {
		return fmt.Errorf("a range of no length: %s", start.Name.Local)
	}
	switch start.Name.Local {
	case "different", "left_only", "right_only":
		r.blocks += *length.Blocks
	case "same":
	default:
		return fmt.Errorf("an unknown range: %s", start.Name.Local)
	}
	return nil
}
