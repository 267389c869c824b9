package lvm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/bkplan/bkplan/internal/plan"
)

// volumeGroup is what lvs told of a volume group, or of a part of it.
type volumeGroup struct {
	name   string
	rows   []volumeRow
	byName map[string]*volumeRow
	byUUID map[string]*volumeRow
}

// newVolumeGroup refuses rows that nobody could rely on.
func newVolumeGroup(name string, rows []volumeRow) (volumeGroup, error) {
	g := volumeGroup{name, rows, make(map[string]*volumeRow, len(rows)), make(map[string]*volumeRow, len(rows))}
	for i := range rows {
		row := &rows[i]
		switch {
		case row.Name == "" || row.UUID == "":
			return volumeGroup{}, fmt.Errorf("read the report of lvs: row %d has no name or no UUID (name %q, UUID %q)", i+1, row.Name, row.UUID)
		case g.byName[row.Name] != nil:
			return volumeGroup{}, fmt.Errorf("read the report of lvs: %s/%s is in it twice", name, row.Name)
		case g.byUUID[row.UUID] != nil:
			return volumeGroup{}, fmt.Errorf("read the report of lvs: %s/%s and %s/%s have the same UUID", name, g.byUUID[row.UUID].Name, name, row.Name)
		}
		g.byName[row.Name], g.byUUID[row.UUID] = row, row
	}
	return g, nil
}

// pool makes the observation of a thin pool. Of a part of the group it is the
// observation of that part.
func (g volumeGroup) pool(name string) (plan.Pool, error) {
	row := g.byName[name]
	if row == nil {
		return plan.Pool{}, fmt.Errorf("there is no thin pool %q in volume group %q%s", name, g.name, g.suggestPool(name))
	}
	if !row.isThinPool() {
		return plan.Pool{}, fmt.Errorf("%s/%s is no thin pool, its layout is %q%s", g.name, name, row.Layout, g.suggestPool(name))
	}
	pool := plan.Pool{
		VolumeGroup: g.name, Name: name, UUID: row.UUID,
		Volumes: make([]plan.LogicalVolume, 0, len(g.rows)),
	}
	var err error
	if pool.Size, err = parseBytes(row.Size); err != nil {
		return plan.Pool{}, row.bad("lv_size", err)
	}
	if pool.MetadataSize, err = parseBytes(row.MetadataSize); err != nil {
		return plan.Pool{}, row.bad("lv_metadata_size", err)
	}
	if pool.DataPercent, err = parsePercent(row.DataPercent); err != nil {
		return plan.Pool{}, row.bad("data_percent", err)
	}
	if pool.MetadataPercent, err = parsePercent(row.MetadataPercent); err != nil {
		return plan.Pool{}, row.bad("metadata_percent", err)
	}
	return pool, g.addVolumes(&pool)
}

// addVolumes sorts the group's volumes into those of the pool and others.
func (g volumeGroup) addVolumes(pool *plan.Pool) error {
	thick := g.thickOrigins()
	for i := range g.rows {
		row := &g.rows[i]
		if row.Pool != pool.Name {
			if row.Name != pool.Name {
				pool.Others = append(pool.Others, row.Name)
			}
			continue
		}
		volume, err := row.volume()
		if err != nil {
			return err
		}
		volume.Open = volume.Open || thick[volume.Name]
		pool.Volumes = append(pool.Volumes, volume)
	}
	slices.SortFunc(pool.Volumes, func(a, b plan.LogicalVolume) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(pool.Others)
	return nil
}

// thickOrigins are the volumes with a snapshot outside every pool. They are in
// use by it: whoever removes such a volume removes the snapshot as well.
func (g volumeGroup) thickOrigins() map[string]bool {
	origins := map[string]bool{}
	for _, row := range g.rows {
		if row.Pool == "" && row.Origin != "" {
			origins[row.Origin] = true
		}
	}
	return origins
}

// suggestPool names the thin pool that was probably meant, or all there are.
func (g volumeGroup) suggestPool(name string) string {
	best, pools := "", []string{}
	for _, row := range g.rows {
		if !row.isThinPool() {
			continue
		}
		pools = append(pools, row.Name)
		if best == "" || levenshtein.Distance(name, row.Name, nil) < levenshtein.Distance(name, best, nil) {
			best = row.Name
		}
	}
	switch {
	case len(pools) == 0:
		return "; the group has none"
	case levenshtein.Distance(name, best, nil) <= 1+len(name)/4:
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return fmt.Sprintf("; the group has %s", strings.Join(pools, ", "))
}

func (r *volumeRow) isThinPool() bool {
	layout := strings.Split(r.Layout, ",")
	return slices.Contains(layout, "thin") && slices.Contains(layout, "pool")
}

// volume makes the observation of a thin volume.
func (r *volumeRow) volume() (plan.LogicalVolume, error) {
	volume := plan.LogicalVolume{
		Name: r.Name, UUID: r.UUID, Origin: r.Origin, OriginUUID: r.OriginUUID,
		Active: r.Active != "", Open: r.isOpen(), SkipActivation: r.SkipActivation != "",
		Tags: r.tags(), Health: r.Health,
	}
	var err error
	if volume.Size, err = parseBytes(r.Size); err != nil {
		return plan.LogicalVolume{}, r.bad("lv_size", err)
	}
	if volume.ThinID, err = parseBytes(r.ThinID); err != nil {
		return plan.LogicalVolume{}, r.bad("thin_id", err)
	}
	if volume.Created, err = parseTime(r.Time); err != nil {
		return plan.LogicalVolume{}, r.bad("lv_time", err)
	}
	return volume, nil
}

// isOpen takes an active device of which LVM cannot tell as open. LVM says
// "unknown" of every inactive one.
func (r *volumeRow) isOpen() bool { return r.Active != "" && r.Open != "" }

// tags are the volume's tags, sorted; nil without any.
func (r *volumeRow) tags() []string {
	if r.Tags == "" {
		return nil
	}
	tags := strings.Split(r.Tags, ",")
	slices.Sort(tags)
	return tags
}

func (r *volumeRow) bad(column string, err error) error {
	return fmt.Errorf("read the report of lvs: %s of %q: %w", column, r.Name, err)
}

// parseBytes reads a number that is not negative.
func parseBytes(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is no whole number", text)
	}
	return int64(n), nil
}

func parsePercent(text string) (plan.Percent, error) {
	if text == "" {
		return nil, nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || !(value >= 0 && value <= 100) {
		return nil, fmt.Errorf("%q is no percentage", text)
	}
	return &value, nil
}

// parseTime reads seconds since 1970. LVM keeps no time of very old volumes;
// that of such a one is zero.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}, errors.New(strconv.Quote(text) + " is no time in seconds")
	}
	return time.Unix(seconds, 0).UTC(), nil
}
