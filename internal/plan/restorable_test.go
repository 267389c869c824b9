package plan

import (
	"strings"
	"testing"
	"time"
)

// TestRestorableNeedsOnlyWhereItLies: what a NAS has can be had back while the disk that
// it is a copy of is gone; and a disk that is not mounted has not lost its versions.
func TestRestorableNeedsOnlyWhereItLies(t *testing.T) {
	sda, nas := Ref{"destination", DestinationDisk, "sda"}, Ref{"destination", DestinationSSH, "nas"}
	policy := Policy{
		Destinations: []Destination{
			{Kind: DestinationDisk, Name: "sda", Path: "/mnt/backup", RequireMount: true},
			{Kind: DestinationSSH, Name: "nas", Path: "/volume1/Backup", Address: "nas"},
		},
		Layers: []Layer{
			{Kind: LayerFiles, Name: "weekly", From: Ref{"layer", LayerSnapshot, "snapshots"}, To: sda, Directory: "pvc-data"},
			{Kind: LayerSync, Name: "offsite", From: sda, To: nas, Directory: "pve"},
			{Kind: LayerSync, Name: "nfs", From: Ref{"source", SourceDirectory, "nfs"}, To: nas, Directory: "nfs"},
		},
	}
	day := time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	receipts := []Receipt{
		{Layer: "weekly", Volume: "web/data", Version: "2026-46", Path: "pvc-data/2026-46/web/data", Started: day.AddDate(0, 0, -7)},
		{Layer: "weekly", Volume: "web/data", Version: "2026-47", Path: "pvc-data/2026-47/web/data", Started: day, Source: ReceiptSource{Taken: day.Add(-2 * time.Hour)}},
		{Layer: "offsite", Volume: "sda", Path: ".", Started: day},
	}
	observation := Observation{
		Unknown: []Unknown{{Address: DiskAddress("/mnt/backup"), Detail: "input/output error"}},
		Disks:   []Disk{{Address: "nas", Path: "/volume1/Backup"}, {Address: "nas", Path: "/volume1/Backup/pve", Receipts: receipts}},
	}
	if list, block := Restorable(policy, observation, policy.Layers[0]); list != nil || block == nil || !strings.Contains(block.Detail, "input/output error") {
		t.Errorf("%v, %+v", list, block)
	}
	list, block := Restorable(policy, observation, policy.Layers[1])
	if block != nil || len(list) != 2 || list[0].Version != "weekly/2026-47" || !list[0].Time.Equal(day.Add(-2*time.Hour)) ||
		list[1].Path != "pvc-data/2026-46/web/data" || list[0].Remote == nil || list[0].Destination != "/volume1/Backup/pve" {
		t.Errorf("%+v, %+v", list, block)
	}
	observation.Disks = append(observation.Disks, Disk{Path: "/mnt/backup", FileSystem: FileSystem{MountPoint: "/"}, Receipts: receipts[:2]})
	if list, block := Restorable(policy, observation, policy.Layers[0]); list != nil || block == nil || !strings.Contains(block.Detail, "not mounted") {
		t.Errorf("%v, %+v", list, block)
	}
	observation.Disks[2].FileSystem = FileSystem{MountPoint: "/mnt/backup", ReadOnly: true}
	if list, block := Restorable(policy, observation, policy.Layers[0]); len(list) != 2 || block != nil || list[0].Remote != nil {
		t.Errorf("%v, %+v", list, block)
	}
	for i, want := range []bool{true, true, false} {
		if got := policy.CanRestore(policy.Layers[i]); got != want {
			t.Errorf("%s: %v", policy.Layers[i].Name, got)
		}
	}
}
