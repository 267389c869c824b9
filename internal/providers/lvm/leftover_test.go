package lvm

import (
	"context"
	"errors"
	"os"
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
	volume := filepath.Join(m.host.sys, "block", "dm-99", "dm") // of a group called bkplan
	if err := errors.Join(
		os.MkdirAll(volume, 0o700), os.WriteFile(volume+"/name", []byte(otherName), 0o600),
		os.WriteFile(volume+"/uuid", []byte("LVM-x"), 0o600),
	); err != nil {
		t.Fatal(err)
	}

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

// A snapshot that was mounted itself, without a clone, was activated for that.
func TestCleanDeactivatesTheSnapshotThatWasMounted(t *testing.T) {
	m := newMachine(t)
	access := m.snapshotOf("live", held{kind: "ext4"})
	opened, err := m.opener().Open(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	left := plan.Leftover{Name: access.OpenName, Mounted: opened.Root}
	if err := m.opener().Clean(t.Context(), left); err != nil {
		t.Error(err)
	}
	m.wantNothingOpen(access)

	// Neither a live volume, nor one that is in use elsewhere.
	m.row("live").Active, m.holds["live"] = "active", &held{kind: "ext4"}
	m.row(access.Name).Active = "active"
	m.mounts = []mounted{
		{"pve-live", opened.Root}, {"pve-live_snap_20261116_0300", opened.Root}, {"pve-live_snap_20261116_0300", "/mnt/restore"},
	}
	m.row("live").Open, m.row(access.Name).Open = "open", "open"
	m.show()
	if err := m.opener().Clean(t.Context(), left); err != nil {
		t.Error(err)
	}
	if m.row("live").Active == "" || m.row(access.Name).Active == "" || len(m.mounts) != 1 {
		t.Errorf("ran %q", m.calls)
	}
}

func TestCleanTriesEverythingAndTells(t *testing.T) {
	m := newMachine(t)
	access := withKey(t, m.snapshotOf("live", held{kind: "crypto_LUKS", inside: &held{kind: "ext4"}}), "right")
	opened, err := m.opener().Open(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	m.calls = nil
	m.before = func(argv []string) error {
		if argv[0] != "lvs" {
			return errFault
		}
		return nil
	}
	err = m.opener().Clean(t.Context(), plan.Leftover{
		Name: access.OpenName, Mounted: opened.Root, Mapping: access.OpenName,
		VolumeGroup: "pve", Clone: access.OpenName, CloneUUID: m.row(access.OpenName).UUID,
	})
	if err == nil || strings.Count(err.Error(), errFault.Error()) != 3 {
		t.Errorf("error %v", err)
	}
	for _, program := range []string{"umount", "cryptsetup", "lvremove"} {
		if m.count(program) == 0 {
			t.Errorf("%s was not tried", program)
		}
	}
}
