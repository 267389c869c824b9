package lvm

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
)

var otherName = plan.OpenName("weekly", "other")

// Observing what is left over takes no other program than lvs and vgs.
func TestLeftoversAreObservedByReadingAlone(t *testing.T) {
	m := newMachine(t)
	m.stateDir += " of a name with spaces"
	access := withKey(t, m.snapshotOf("live", held{kind: "crypto_LUKS", inside: &held{kind: "ext4"}}), "right")
	access.MountFolder = filepath.Join(m.stateDir, "mnt")
	opened, err := m.opener().Open(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	// None of these is bkplan's.
	m.mounts = append(m.mounts, mounted{access.OpenName, "/elsewhere/" + otherName}, mounted{access.OpenName, m.stateDir + "/mnt/data"})
	m.unlocked["luks-bkplan"], m.unlocked["bkplan-short"] = "x", "x"
	m.snapshot("live", otherName)
	m.snapshot("live", "clone", plan.TagClone+"clone")
	m.add(volumeRow{Name: plan.OpenName("weekly", "third"), Pool: "pool2", Tags: plan.TagClone + plan.OpenName("weekly", "third")})
	m.show()

	m.calls = nil
	p := New(execx.ReadOnly(m, New(nil).Info().ReadOnly...))
	p.host = m.host
	part, err := p.Observe(t.Context(), providers.Target{
		Source: plan.Source{LVMThin: &plan.LVMThinSource{VolumeGroup: "pve", ThinPool: "data"}}, StateDir: m.stateDir,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Leftover{{
		Name: access.OpenName, Mounted: opened.Root, Mapping: access.OpenName,
		VolumeGroup: "pve", Clone: access.OpenName, CloneUUID: m.row(access.OpenName).UUID,
	}}
	if diff := cmp.Diff(want, part.Leftovers); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(part.Pool.Volumes, func(v plan.LogicalVolume) bool { return v.Name == access.OpenName }) {
		t.Error("the clone is not listed among the pool's volumes")
	}
}

// What bkplan cannot have made is refused before anything is run.
func TestCleanRefusesWhatIsNotItsOwn(t *testing.T) {
	m := newMachine(t)
	name, uuid := plan.OpenName("weekly", "live"), "000004-0000-0000-0000-0000-0000-000000"
	inside := filepath.Join(m.stateDir, "mnt")
	for _, left := range []plan.Leftover{
		{},
		{Name: "data", Mounted: inside + "/data"},
		{Name: name, Mounted: "/mnt/" + name},
		{Name: name, Mounted: inside + "/" + otherName},
		{Name: name, Mounted: inside + "/../../" + name},
		{Name: name, Mounted: name},
		{Name: name, Mapping: "data"},
		{Name: name, Mapping: otherName},
		{Name: name, VolumeGroup: "pve", Clone: "live", CloneUUID: uuid},
		{Name: name, VolumeGroup: "pve", Clone: name},
		{Name: name, VolumeGroup: "--all", Clone: name, CloneUUID: uuid},
		{Name: name, VolumeGroup: "pve", Clone: name, CloneUUID: `" || lv_name!="`},
	} {
		if err := m.opener().Clean(t.Context(), left); err == nil {
			t.Errorf("cleaned %+v", left)
		}
	}
	if len(m.calls) > 0 {
		t.Errorf("ran %q", m.calls)
	}
}

// A name, a tag and a UUID that do not go together remove nothing.
func TestCleanRemovesTheVeryCloneOnly(t *testing.T) {
	name := plan.OpenName("weekly", "live")
	for what, test := range map[string]struct {
		tag, uuid string
		want      string
	}{
		"other UUID": {plan.TagClone + name, "999999-0000-0000-0000-0000-0000-000000", "is another volume now"},
		"no tag":     {"kept", "", "is no clone that bkplan made"},
		"other tag":  {plan.TagClone + otherName, "", "is no clone that bkplan made"},
		"the clone":  {plan.TagClone + name, "", ""},
	} {
		m := newMachine(t)
		m.add(volumeRow{Name: "live", Pool: "data"})
		uuid := m.snapshot("live", name, test.tag).UUID
		if test.uuid != "" {
			uuid = test.uuid
		}
		err := m.opener().Clean(t.Context(), plan.Leftover{Name: name, VolumeGroup: "pve", Clone: name, CloneUUID: uuid})
		switch {
		case test.want == "" && (err != nil || m.row(name) != nil):
			t.Errorf("%s: error %v", what, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || m.row(name) == nil):
			t.Errorf("%s: error %v", what, err)
		}
	}
}

func TestCleanOfWhatIsGoneIsNoError(t *testing.T) {
	m := newMachine(t)
	name := plan.OpenName("weekly", "live")
	err := m.opener().Clean(context.Background(), plan.Leftover{
		Name: name, Mounted: filepath.Join(m.stateDir, "mnt", name), Mapping: name,
		VolumeGroup: "pve", Clone: name, CloneUUID: "000004-0000-0000-0000-0000-0000-000000",
	})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"lvs"}, m.programs()); diff != "" {
		t.Error(diff)
	}
}

// A volume that has the name of a clone and is none keeps the snapshot from
// being opened.
func TestNameThatIsTakenIsLeftAlone(t *testing.T) {
	m := newMachine(t)
	access := m.snapshotOf("live", held{kind: "ext4", dirty: true})
	m.add(volumeRow{Name: access.OpenName, Pool: "data"})
	if _, err := m.opener().Open(t.Context(), access); err == nil || !strings.Contains(err.Error(), "is taken by a volume that bkplan did not make") {
		t.Errorf("error %v", err)
	}
	if m.row(access.OpenName) == nil {
		t.Error("it was removed")
	}
}
