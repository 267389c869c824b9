package lvm

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/providers/providertest"
)

// emulator is a Runner that answers lvs, vgs, lvcreate and lvremove as LVM does
// (the lab holds the real one to the same suite), so that the Provider's own
// decisions can be tried by the thousand and faults put where they hurt.
type emulator struct {
	mu     sync.Mutex
	group  string
	rows   []volumeRow
	made   int
	calls  [][]string
	before func(argv []string) error // a fault, or a change behind the Provider's back
	after  func(argv []string) error // a fault of a command that has done its work
	others func(argv []string) (stdout, stderr string, exit int)
}

func newEmulator() *emulator {
	e := &emulator{group: "pve"}
	e.add(volumeRow{Name: "data", Layout: "thin,pool", MetadataSize: "16777216", Active: "active", Open: "open", DataPercent: "3.38", MetadataPercent: "10.57"})
	e.add(volumeRow{Name: "root", Layout: "linear", Active: "active"})
	return e
}

func (e *emulator) add(row volumeRow) *volumeRow {
	e.made++
	row.UUID = fmt.Sprintf("%06d-0000-0000-0000-0000-0000-000000", e.made)
	row.Size, row.Time = "8388608", "1794823200"
	if row.Pool != "" {
		row.Layout, row.ThinID = "thin,sparse", fmt.Sprint(e.made)
	}
	e.rows = append(e.rows, row)
	return &e.rows[len(e.rows)-1]
}

// snapshot adds a snapshot as the Provider would make it.
func (e *emulator) snapshot(origin, name string, tags ...string) *volumeRow {
	return e.add(volumeRow{
		Name: name, Pool: "data", Origin: origin, OriginUUID: e.row(origin).UUID,
		Tags: strings.Join(tags, ","), SkipActivation: "skip activation", Open: "unknown",
	})
}

func (e *emulator) row(name string) *volumeRow {
	for i := range e.rows {
		if e.rows[i].Name == name {
			return &e.rows[i]
		}
	}
	return nil
}

func (e *emulator) remove(name string) {
	row := *e.row(name)
	e.rows = slices.DeleteFunc(e.rows, func(r volumeRow) bool { return r.Name == name })
	for i := range e.rows {
		if e.rows[i].OriginUUID == row.UUID {
			e.rows[i].Origin, e.rows[i].OriginUUID = "", ""
		}
	}
}

// count is how often a program was run.
func (e *emulator) count(program string) int {
	n := 0
	for _, argv := range e.calls {
		if argv[0] == program {
			n++
		}
	}
	return n
}

func (e *emulator) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, c.Argv)
	if c.Timeout <= 0 {
		return execx.Output{}, fmt.Errorf("%s runs without a limit", c.Argv[0])
	}
	if err := ctx.Err(); err != nil {
		return execx.Output{}, err
	}
	if e.before != nil {
		if err := e.before(c.Argv); err != nil {
			return execx.Output{}, err
		}
	}
	stdout, stderr, exit := e.answer(c.Argv)
	output := execx.Output{Stdout: []byte(stdout), Stderr: stderr}
	if exit != 0 {
		return output, &execx.Error{Argv: c.Argv, Exit: exit, Stderr: stderr, Reason: execx.ReasonExit}
	}
	if e.after != nil {
		return output, e.after(c.Argv)
	}
	return output, nil
}

func (e *emulator) answer(argv []string) (stdout, stderr string, exit int) {
	switch argv[0] {
	case "vgs":
		return report("vg", []groupRow{{e.group, "group-uuid"}}), "", 0
	case "lvs":
		return report("lv", slices.DeleteFunc(slices.Clone(e.rows), func(r volumeRow) bool { return !selected(argv, r) })), "", 0
	case "lvcreate":
		return e.lvcreate(argv)
	case "lvremove":
		return e.lvremove(argv)
	case "lvchange":
		return e.lvchange(argv)
	}
	if e.others != nil {
		return e.others(argv)
	}
	return "", "no such program", 127
}

func report(kind string, rows any) string {
	text, err := json.Marshal(map[string]any{"report": []any{map[string]any{kind: rows}}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

var term = regexp.MustCompile(`(lv_name|lv_uuid)="([^"]*)"`)

func selected(argv []string, row volumeRow) bool {
	place := slices.Index(argv, "-S")
	if place < 0 {
		return true
	}
	return slices.ContainsFunc(term.FindAllStringSubmatch(argv[place+1], -1), func(match []string) bool {
		return match[1] == "lv_name" && match[2] == row.Name || match[1] == "lv_uuid" && match[2] == row.UUID
	})
}

func (e *emulator) lvcreate(argv []string) (stdout, stderr string, exit int) {
	var name string
	var tags []string
	for i, argument := range argv {
		switch argument {
		case "--name":
			name = argv[i+1]
		case "--addtag":
			tags = append(tags, argv[i+1])
		}
	}
	origin := strings.TrimPrefix(argv[len(argv)-1], e.group+"/")
	switch {
	case e.row(origin) == nil:
		return "", "  Snapshot origin LV " + origin + " not found in Volume group pve.\n", 5
	case e.row(name) != nil:
		return "", "  Logical Volume \"" + name + "\" already exists in volume group \"pve\"\n", 5
	}
	made := e.snapshot(origin, name, tags...)
	if place := slices.Index(argv, "--setactivationskip"); place >= 0 && argv[place+1] == "n" {
		made.SkipActivation, made.Active, made.Open = "", "active", ""
	}
	return "", "  WARNING: This metadata update is NOT backed up.\n", 0
}

// lvchange knows -ay and -an.
func (e *emulator) lvchange(argv []string) (stdout, stderr string, exit int) {
	row := e.row(strings.TrimPrefix(argv[len(argv)-1], e.group+"/"))
	switch {
	case row == nil:
		return "", "  Failed to find logical volume\n", 5
	case !selected(argv, *row):
	case argv[1] == "-ay" && (row.SkipActivation == "" || slices.Contains(argv, "-K")):
		row.Active, row.Open = "active", ""
	case argv[1] == "-an" && row.Open == "open":
		return "", "  Logical volume pve/" + row.Name + " in use.\n", 5
	case argv[1] == "-an":
		row.Active, row.Open = "", "unknown"
	}
	return "", "", 0
}

func (e *emulator) lvremove(argv []string) (stdout, stderr string, exit int) {
	for _, argument := range argv[4:] {
		name, row := strings.TrimPrefix(argument, e.group+"/"), e.row(strings.TrimPrefix(argument, e.group+"/"))
		switch {
		case row == nil:
			stderr += "  Failed to find logical volume \"" + argument + "\"\n"
			exit = 5
		case !selected(argv, *row):
		case row.Open == "open":
			stderr += "  Logical volume " + argument + " contains a filesystem in use.\n"
			exit = 5
		default:
			e.remove(name)
		}
	}
	return "", stderr, exit
}

// emulatedWorld lets the conformance suite run on the emulator.
type emulatedWorld struct {
	*emulator
	provider *Provider
}

func TestEmulatedConforms(t *testing.T) {
	e := newEmulator()
	providertest.Run(t, emulatedWorld{e, New(e)})
}

func (w emulatedWorld) Provider() providers.Batcher { return w.provider }

func (w emulatedWorld) Source() plan.LVMThinSource {
	return plan.LVMThinSource{VolumeGroup: "pve", ThinPool: "data", Match: "*"}
}

func (w emulatedWorld) AddVolume(_ testing.TB, name string) {
	w.add(volumeRow{Name: name, Pool: "data", Active: "active"})
}

func (w emulatedWorld) AddSnapshot(_ testing.TB, origin, name string, tags ...string) {
	w.snapshot(origin, name, tags...)
}

func (w emulatedWorld) AddOther(_ testing.TB, name string) {
	w.add(volumeRow{Name: name, Layout: "linear"})
}

func (w emulatedWorld) Rename(_ testing.TB, name, to string) { w.row(name).Name = to }

func (w emulatedWorld) Hold(_ testing.TB, name string) (release func()) {
	w.row(name).Active, w.row(name).Open = "active", "open"
	return func() { w.row(name).Open = "" }
}

func (w emulatedWorld) Remove(_ testing.TB, name string) {
	if w.row(name) != nil {
		w.remove(name)
	}
}

// testAction is an action on the emulator's pool.
func testAction(kind plan.ActionKind, s plan.SnapshotAction) plan.Action {
	s.VolumeGroup, s.Pool = "pve", "data"
	return plan.Action{ID: s.Name, Kind: kind, VersionTime: time.Unix(1794823200, 0), Snapshot: &s}
}

func pruneOf(row *volumeRow) plan.Action {
	return testAction(plan.Prune, plan.SnapshotAction{Origin: row.Origin, Name: row.Name, UUID: row.UUID, Tags: row.tags()})
}

func createOf(origin *volumeRow, name string) plan.Action {
	return testAction(plan.Create, plan.SnapshotAction{Origin: origin.Name, OriginUUID: origin.UUID, Name: name, Tags: []string{"tag"}})
}
