package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
)

// departed is month with a volume that the NAS alone has: three versions, the last of
// 30 days ago, and a day apart.
func departed() (Policy, Observation) {
	p, o := month(monday)
	within, err := quantity.ParseDuration("14d")
	if err != nil {
		panic(err)
	}
	p.Layers[2].Retention = retention.Rules{Within: within}
	p.Layers[2].Guard.MaxPrune = share("100%")
	far := &o.Disks[2]
	for n := range 3 {
		r := far.Receipts[0]
		r.Started = monday.Add(-days(32 - n))
		r.Volume, r.Version = "old", r.Started.Format("2006-01-02")
		r.Path, r.Digest = "data/"+r.Version+"/old", "sha256:old"+r.Version
		far.Receipts, far.Folders[0].Entries = append(far.Receipts, r), append(far.Folders[0].Entries, Entry{Path: r.Version + "/old", Type: EntryFolder})
	}
	return p, o
}

// A volume whose service is gone, and of which the disk has nothing any more, is told of
// with its size, and its versions over there age from now. The newest of them stays.
func TestOffsiteVolumeThatIsGone(t *testing.T) {
	aged := []string{
		`prune layer.offsite["old"]@weekly/2026-10-22: outside keep_within 14d; beside 2026-10-24/old; 1 of 0 MiB new`,
		`prune layer.offsite["old"]@weekly/2026-10-23: outside keep_within 14d; beside 2026-10-24/old; 1 of 0 MiB new`,
	}
	told := []string{"old: 3 versions (102 MiB) of layer.weekly left, the newest of 2026-10-24 07:00: its volume is gone, and the disk has no version of it"}
	for name, test := range map[string]struct {
		change func(*Policy, *Observation)
		pruned []string
		told   []string
	}{
		"gone":               {func(*Policy, *Observation) {}, aged, told},
		"a version here":     {func(_ *Policy, o *Observation) { addHere(&o.Disks[0], o.Disks[2], true) }, nil, nil},
		"one with no proof":  {func(_ *Policy, o *Observation) { addHere(&o.Disks[0], o.Disks[2], false) }, nil, nil},
		"its source is away": {func(_ *Policy, o *Observation) { o.Trees = o.Trees[1:] }, nil, nil},
		"in use, no space here": {func(p *Policy, o *Observation) {
			o.Trees[0].Children = append(o.Trees[0].Children, Child{Name: "old", Type: EntryFolder})
			p.Destinations[0].MinFree, o.Disks[0].FileSystem.Free = quantity.Threshold{Share: share("10%")}, 0
		}, nil, nil},
	} {
		p, o := departed()
		test.change(&p, &o)
		plan := Build(p, o, monday, Options{Filter: Filter{Volumes: []string{"old"}}})
		pruned := transfers(plan, Prune)
		if diff := cmp.Diff(test.pruned, describe(pruned)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if slices.ContainsFunc(pruned, func(a Action) bool { return a.Reason.Code != ReasonOrphan }) {
			t.Errorf("%s: %+v", name, pruned)
		}
		var got []string
		for _, d := range plan.Drift {
			if d.Kind == Orphaned && d.Layer == "offsite" && strings.Contains(d.Hint, "the newest is never pruned") {
				got = append(got, d.Name+": "+d.Detail)
			}
		}
		if diff := cmp.Diff(test.told, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Which of two clocks is wrong nobody knows, and these versions age by the one here.
func TestOffsiteVolumeThatIsGoneByADoubtfulClock(t *testing.T) {
	p, o := departed()
	o.Disks[2].Clock = monday.Add(-days(16))
	pruned := transfers(Build(p, o, monday, Options{Filter: Filter{Volumes: []string{"old"}}}), Prune)
	if len(pruned) != 2 || slices.ContainsFunc(pruned, func(a Action) bool { return a.Blocked == nil || a.Blocked.Code != BlockClock }) {
		t.Errorf("%+v", pruned)
	}
}

// addHere gives the disk the newest version of the volume.
func addHere(local *Disk, far Disk, proven bool) {
	r := far.Receipts[len(far.Receipts)-1]
	local.Folders[0].Entries = append(local.Folders[0].Entries, Entry{Path: r.Version + "/old", Type: EntryFolder})
	if proven {
		local.Receipts = append(local.Receipts, r)
	}
}
