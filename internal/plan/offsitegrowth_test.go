package plan

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
)

// absence is a disk with ten daily versions of a volume, the last of this morning, and a
// NAS that lacks so many of the newest. Each adds a MiB to the one before it.
func absence(missing int) (Policy, Observation) {
	p, o := month(monday)
	p.Layers[0].Schedule, p.Layers[2].Retention = calendar("*-*-* 05:00"), retention.Rules{}
	local, far := &o.Disks[0], &o.Disks[2]
	sample := local.Receipts[0]
	local.Receipts, far.Receipts = local.Receipts[len(local.Receipts)-1:], nil
	local.Folders[0].Entries, far.Folders[0].Entries = nil, nil
	for day := range 10 {
		r := sample
		r.Started = monday.Add(-days(9 - day)).Add(-2 * time.Hour)
		r.Slot, r.Ended, r.Version = r.Started, r.Started.Add(time.Minute), r.Started.Format("2006-01-02")
		r.Path, r.Digest = "data/"+r.Version+"/web", "sha256:"+r.Version
		e := Entry{Path: r.Version + "/web", Type: EntryFolder}
		local.Receipts, local.Folders[0].Entries = append(local.Receipts, r), append(local.Folders[0].Entries, e)
		if day < 10-missing {
			far.Receipts, far.Folders[0].Entries = append(far.Receipts, r), append(far.Folders[0].Entries, e)
		}
	}
	return p, o
}

// leave lets so many bytes be free over there above what must stay.
func leave(o *Observation, bytes int64) {
	free := quantity.Threshold{Share: share("10%")}.Bytes(1<<42) + bytes
	o.Disks[1].FileSystem.Free, o.Disks[2].FileSystem.Free = free, free
}

// growths are the MiB that the versions of the volume are expected to add over there,
// newest first; -1 is not known.
func growths(p Plan) []int64 {
	made := keep(transfers(p, Create, Refresh), func(a Action) bool { return a.Volume == "web" })
	slices.SortFunc(made, func(a, b Action) int { return cmp.Compare(b.Version, a.Version) })
	var list []int64
	for _, a := range made {
		if a.Copy.Estimate == nil {
			list = append(list, -1)
		} else {
			list = append(list, a.Copy.Estimate.Bytes>>20)
		}
	}
	return list
}

func blockedOf(p Plan) []string {
	return ids(keep(p.Actions, func(a Action) bool { return a.Blocked != nil }))
}

// After an absence the newest adds what was new on each day, and is no full copy: the
// others differ from the one after them by a day.
func TestOffsiteGrowthAfterAnAbsence(t *testing.T) {
	for missing, want := range map[int][]int64{
		1: {1},
		3: {3, 1, 1},
		7: {7, 1, 1, 1, 1, 1, 1},
		// There is nothing over there: one is sent as a whole.
		10: {100, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	} {
		p, o := absence(missing)
		adds := int64(100) // of the host
		for _, n := range want {
			adds += n << 20
		}
		leave(&o, adds)
		plan := Build(p, o, monday, Options{})
		if got := growths(plan); !slices.Equal(got, want) {
			t.Errorf("%d are missing: %d, want %d", missing, got, want)
		}
		if blocked := blockedOf(plan); len(blocked) > 0 {
			t.Errorf("%d are missing: blocked: %v", missing, blocked)
		}
		if c := capacityOf(t, plan, "nas"); c.Adds != adds || c.FreeAfter != c.Free-adds {
			t.Errorf("%d are missing: %+v", missing, c)
		}
	}
}

// A version is never expected to add more than all of it, however much was new since.
func TestOffsiteGrowthIsAtMostTheWhole(t *testing.T) {
	p, o := absence(7)
	for i := range o.Disks[0].Receipts {
		if r := &o.Disks[0].Receipts[i]; r.Version == "2026-11-20" {
			r.NewBytes = 300 << 20 // it was brought up to date often
		}
	}
	if got, want := growths(Build(p, o, monday, Options{})), []int64{100, 1, 1, 1, 100, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("%d, want %d", got, want)
	}
}

// What this plan makes is the newest then: it adds what was new before it as well, and
// the one before it differs from it by what it adds here.
func TestOffsiteGrowthBesideWhatThePlanMakes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Observation)
		want   []int64
	}{
		"a few are missing":  {func(*Observation) {}, []int64{4, 1, 1, 1}},
		"all are missing":    {func(o *Observation) { o.Disks[2].Receipts, o.Disks[2].Folders = nil, nil }, []int64{100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		"one went here":      {func(o *Observation) { forget(&o.Disks[0], "2026-11-20") }, []int64{-1, 1, 1, -1}},
		"one has no receipt": {func(o *Observation) { o.Disks[0].Receipts = without(o.Disks[0].Receipts, "2026-11-22") }, []int64{-1, 1, 1}},
	} {
		p, o := absence(3)
		test.change(&o)
		o.Time = monday.Add(days(1))
		plan := Build(p, o, o.Time, Options{})
		got := growths(plan)
		if name == "one has no receipt" {
			got = got[:3]
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %d, want %d\n%s", name, got, test.want, strings.Join(describe(transfers(plan)), "\n"))
		}
	}
}

// A version that is brought up to date adds what was new since it was sent, however much
// was new before; where the receipts do not tell it is known when it is sent.
func TestOffsiteGrowthOfWhatIsBroughtUpToDate(t *testing.T) {
	for name, test := range map[string]struct {
		fresh int64 // of all, here, in MiB; over there it is 300
		there func(*Disk, *Receipt)
		want  int64
	}{
		"since it was sent": {305, func(*Disk, *Receipt) {}, 5},
		"made anew":         {2, func(*Disk, *Receipt) {}, -1},
		"all of it":         {500, func(*Disk, *Receipt) {}, 100},
		"has grown":         {301, func(_ *Disk, r *Receipt) { r.Bytes -= 20 << 20 }, 20},
		"has no receipt":    {305, func(d *Disk, r *Receipt) { d.Receipts = without(d.Receipts, r.Version) }, -1},
	} {
		p, o := absence(0)
		local, far := &o.Disks[0].Receipts[len(o.Disks[0].Receipts)-1], &o.Disks[2].Receipts[len(o.Disks[2].Receipts)-1]
		local.NewBytes, local.Digest, local.Started, local.Ended = test.fresh<<20, "sha256:new", local.Started.Add(time.Hour), local.Ended.Add(time.Hour)
		far.NewBytes = 300 << 20
		test.there(&o.Disks[2], far)
		leave(&o, 100<<20)
		plan := Build(p, o, monday, Options{})
		if got := growths(plan); !slices.Equal(got, []int64{test.want}) {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// All that is in a synced tree is told to be new each time.
func TestNewSinceOfASyncedTree(t *testing.T) {
	now := Receipt{Bytes: 10, NewBytes: 10, Digest: "sha256:now"}
	if bytes, known := now.NewSince(Receipt{Bytes: 8, NewBytes: 8, Digest: "sha256:then"}); bytes != 2 || known {
		t.Errorf("%d, %t", bytes, known)
	}
}

// What a version that was brought up to date adds at most blocks nothing of its own: much
// of what was new may be gone again.
func TestOffsiteGrowthOfWhatIsBroughtUpToDateIsAGuess(t *testing.T) {
	p, o := absence(0)
	local, far := &o.Disks[0].Receipts[len(o.Disks[0].Receipts)-1], &o.Disks[2].Receipts[len(o.Disks[2].Receipts)-1]
	local.NewBytes, local.Digest, local.Started, local.Ended = 80<<20, "sha256:new", local.Started.Add(time.Hour), local.Ended.Add(time.Hour)
	far.NewBytes = 20 << 20
	leave(&o, 40<<20)
	if blocked := blockedOf(Build(p, o, monday, Options{Filter: Filter{Volumes: []string{"web"}}})); len(blocked) > 0 {
		t.Errorf("blocked: %v", blocked)
	}
}

func without(receipts []Receipt, version string) []Receipt {
	return keep(receipts, func(r Receipt) bool { return r.Version != version })
}

// forget removes a version of the volume from a disk.
func forget(d *Disk, version string) {
	d.Receipts = without(d.Receipts, version)
	d.Folders[0].Entries = keep(d.Folders[0].Entries, func(e Entry) bool { return e.Path != version+"/web" })
}

// What a version that this plan makes will add is a guess: it never blocks that version,
// which is looked at again when it is sent. What comes after it finds the room taken.
func TestOffsiteGuessBlocksNothingOfItsOwn(t *testing.T) {
	p, o := absence(3)
	old := &o.Disks[0].Receipts[1]
	old.Started = old.Started.Add(time.Second) // only its receipt is sent
	o.Time = monday.Add(days(1))
	leave(&o, 3<<20)
	plan := Build(p, o, o.Time, Options{})
	want := []string{
		`layer.offsite["host"]@host`, `layer.offsite["web"]@weekly/2026-11-23`, `layer.offsite["web"]@weekly/2026-11-22`, `layer.offsite["web"]@weekly/2026-11-21`,
	}
	var blocked []string
	for _, a := range keep(plan.Actions, func(a Action) bool { return a.Blocked != nil }) {
		blocked = append(blocked, a.ID)
		if a.Blocked.Code != BlockSpace || strings.Contains(a.Blocked.Detail, "-") {
			t.Errorf("%s: %+v", a.ID, a.Blocked)
		}
	}
	slices.Sort(want)
	slices.Sort(blocked)
	if !slices.Equal(blocked, want) {
		t.Errorf("blocked: %v, want %v", blocked, want)
	}
	if c := capacityOf(t, plan, "nas"); c.Adds != 4<<20 || c.FreeAfter != c.Free-4<<20 {
		t.Errorf("%+v", c)
	}
}
