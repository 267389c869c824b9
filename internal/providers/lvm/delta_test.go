package lvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
)

const deltaStart = `<superblock uuid="" time="3" transaction="4" data_block_size="128" nr_data_blocks="0">
`

func TestReadDelta(t *testing.T) {
	const block = 128 * 512
	for name, test := range map[string]struct {
		text string
		want int64 // -1 is an error
	}{
		"nothing differs": {deltaStart + `<diff left="1" right="3"><same begin="0" length="32"/></diff></superblock>`, 0},
		"nothing at all":  {deltaStart + `<diff left="1" right="3"></diff></superblock>`, 0},
		"all kinds": {deltaStart + `<diff left="1" right="3">
			<different begin="0" length="2"/><same begin="2" length="100"/>
			<left_only begin="102" length="3"/><right_only begin="105" length="4"/></diff></superblock>`, 9 * block},
		"cut off":          {deltaStart + `<diff left="1" right="3"><same begin="0" length="32"/>`, -1},
		"other devices":    {deltaStart + `<diff left="1" right="2"></diff></superblock>`, -1},
		"two answers":      {deltaStart + `<diff left="1" right="3"></diff><diff left="1" right="3"></diff></superblock>`, -1},
		"no answer":        {deltaStart + `</superblock>`, -1},
		"unknown range":    {deltaStart + `<diff left="1" right="3"><strange begin="0" length="1"/></diff></superblock>`, -1},
		"no length":        {deltaStart + `<diff left="1" right="3"><different begin="0"/></diff></superblock>`, -1},
		"negative length":  {deltaStart + `<diff left="1" right="3"><different begin="0" length="-1"/></diff></superblock>`, -1},
		"immense length":   {deltaStart + `<diff left="1" right="3"><different length="9223372036854775807"/></diff></superblock>`, -1},
		"immense sum":      {deltaStart + `<diff left="1" right="3">` + strings.Repeat(`<different length="100000000000"/>`, 3) + `</diff></superblock>`, -1},
		"no block size":    {`<superblock><diff left="1" right="3"></diff></superblock>`, -1},
		"another document": {`<thins data_block_size="128"><diff left="1" right="3"></diff></thins>`, -1},
		"no XML":           {"metadata contains errors (run thin_check for details).\n", -1},
		"nothing printed":  {"", -1},
	} {
		got, err := readDelta(strings.NewReader(test.text), 1, 3)
		if test.want < 0 != (err != nil) || err == nil && got != test.want {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}

// deltaMachine has snapshots of a volume and of another one; thin_delta finds
// one block different where the ids are.
func deltaMachine(t *testing.T) (*machine, func(from, to string) providers.SnapshotPair) {
	m := newMachine(t)
	for _, volume := range []string{"live", "other"} {
		m.add(volumeRow{Name: volume, Pool: "data"})
		for i := range 3 {
			m.snapshot(volume, fmt.Sprintf("%s%d", volume, i), "bkplan.origin="+volume)
		}
	}
	m.delta = func(argv []string) (string, int) {
		blocks := 0
		if argv[3] != argv[5] {
			blocks = 1
		}
		return fmt.Sprintf(deltaStart+`<diff left="%s" right="%s"><different begin="0" length="%d"/></diff></superblock>`, argv[3], argv[5], blocks), 0
	}
	m.show()
	return m, func(from, to string) providers.SnapshotPair {
		pair := providers.SnapshotPair{VolumeGroup: "pve", Pool: "data", FromName: from, ToName: to}
		if row := m.row(from); row != nil {
			pair.FromUUID = row.UUID
		}
		return pair
	}
}

// amounts shows Differences: a number of bytes, or "nil".
func amounts(list []*providers.Difference) []string {
	texts := make([]string, len(list))
	for i, amount := range list {
		texts[i] = "nil"
		if amount != nil {
			texts[i] = fmt.Sprint(amount.Bytes)
		}
	}
	return texts
}

func TestDifferences(t *testing.T) {
	m, pair := deltaMachine(t)
	m.row("live2").Size = "16777216"
	m.row("other2").Pool = "pool2"
	m.row("live1").Origin, m.row("live1").OriginUUID = "", "" // gone; the tag is left
	foreign := pair("live0", "live1")
	foreign.Pool = "pool2"
	wrong := pair("live0", "live1")
	wrong.FromUUID = "999999-0000-0000-0000-0000-0000-000000"
	hostilePair := providers.SnapshotPair{VolumeGroup: "--all", Pool: "data"}
	o := m.opener()
	got := amounts(o.Differences(t.Context(), []providers.SnapshotPair{
		pair("live0", "live1"), pair("live0", "live0"), pair("live0", "other0"), pair("live0", "live2"),
		pair("live0", "absent"), foreign, wrong, hostilePair, pair("other0", "other2"), pair("other0", "other1"),
	}))
	if diff := cmp.Diff([]string{"65536", "0", "nil", "nil", "nil", "nil", "nil", "nil", "nil", "65536"}, got); diff != "" {
		t.Error(diff)
	}
	wantReleased(t, m)
	want := []string{"thin_delta", "-m", "--thin1", m.row("live0").ThinID, "--thin2", m.row("live1").ThinID, filepath.Join(m.host.dev, "mapper", "pve-data_tmeta")}
	if diff := cmp.Diff(want, m.calls[3]); diff != "" {
		t.Error(diff)
	}
}

func wantReleased(t *testing.T, m *machine) {
	t.Helper()
	if m.isHeld {
		t.Error("the metadata snapshot was not released")
	}
	if marks, _ := os.ReadDir(filepath.Join(m.stateDir, "metadata-snapshots")); len(marks) > 0 {
		t.Errorf("marks are left: %v", marks)
	}
}

// Whatever refuses, the answer is "not known", and the metadata is released.
func TestDifferencesThatCannotBeToldAreNotKnown(t *testing.T) {
	for name, spoil := range map[string]func(m *machine, cancel func()){
		"the tool is missing": func(m *machine, _ func()) {
			m.before = func(argv []string) error {
				if argv[0] == "thin_delta" {
					return &execx.Error{Argv: argv, Reason: execx.ReasonMissing}
				}
				return nil
			}
		},
		"the tool is too old": func(m *machine, _ func()) { m.delta = func([]string) (string, int) { return "usage", 1 } },
		"it prints garbage":   func(m *machine, _ func()) { m.delta = func([]string) (string, int) { return "usage", 0 } },
		"dmsetup is missing": func(m *machine, _ func()) {
			m.before = func(argv []string) error {
				if argv[0] == "dmsetup" {
					return &execx.Error{Argv: argv, Reason: execx.ReasonMissing}
				}
				return nil
			}
		},
		"the run is canceled": func(m *machine, cancel func()) {
			m.delta = func([]string) (string, int) { cancel(); return "", 1 }
		},
		"lvs fails":        func(m *machine, _ func()) { m.before = at(0, func() error { return errFault }) },
		"the pool is away": func(m *machine, _ func()) { m.remove("data") },
	} {
		m, pair := deltaMachine(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		spoil(m, cancel)
		got := amounts(m.opener().Differences(ctx, []providers.SnapshotPair{pair("live0", "live1"), pair("live1", "live2")}))
		if diff := cmp.Diff([]string{"nil", "nil"}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		wantReleased(t, m)
	}
}

func TestMetadataIsReleasedWhenSomethingPanics(t *testing.T) {
	m, pair := deltaMachine(t)
	m.delta = func([]string) (string, int) { panic("thin_delta") }
	func() {
		defer func() { _ = recover() }()
		m.opener().Differences(t.Context(), []providers.SnapshotPair{pair("live0", "live1")})
	}()
	wantReleased(t, m)
}

// A metadata snapshot that is there already is another's, unless a mark says
// that a killed run of bkplan took it.
func TestMetadataSnapshotOfAKilledRun(t *testing.T) {
	m, pair := deltaMachine(t)
	pairs := []providers.SnapshotPair{pair("live0", "live1")}
	m.isHeld = true
	if diff := cmp.Diff([]string{"nil"}, amounts(m.opener().Differences(t.Context(), pairs))); diff != "" {
		t.Error(diff)
	}
	if !m.isHeld || m.count("thin_delta") != 0 {
		t.Error("another's metadata snapshot was released, or read")
	}

	m.isHeld = false
	killed := false
	m.after = func(argv []string) error { killed = killed || argv[len(argv)-1] == "reserve_metadata_snap"; return nil }
	m.before = func([]string) error {
		if killed {
			return errFault
		}
		return nil
	}
	m.opener().Differences(t.Context(), pairs)
	if !m.isHeld {
		t.Fatal("the kill left nothing: the test proves nothing")
	}
	m.before, m.after = nil, nil
	if diff := cmp.Diff([]string{"65536"}, amounts(m.opener().Differences(t.Context(), pairs))); diff != "" {
		t.Error(diff)
	}
	wantReleased(t, m)
}

// Another that takes the metadata snapshot between look and reserve keeps it.
func TestMetadataSnapshotTakenInBetweenIsLeftAlone(t *testing.T) {
	m, pair := deltaMachine(t)
	m.before = func(argv []string) error {
		if argv[len(argv)-1] == "reserve_metadata_snap" {
			m.isHeld = true
		}
		return nil
	}
	got := amounts(m.opener().Differences(t.Context(), []providers.SnapshotPair{pair("live0", "live1")}))
	if diff := cmp.Diff([]string{"nil"}, got); diff != "" || !m.isHeld {
		t.Error(diff, m.isHeld)
	}
	m.isHeld = false
	wantReleased(t, m)
}
