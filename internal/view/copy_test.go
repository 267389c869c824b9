package view

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// verified has versions that came out in every way.
func verified() VerifyDocument {
	d := VerifyDocument{Format: VerifyFormat, Version: 1, Time: at(11, 24, 6, 0), Host: "pve", Data: true}
	add := func(volume string, result VerifyResult, failure string, findings ...string) {
		d.Versions = append(d.Versions, Verified{
			Layer: "weekly", Volume: volume, Version: "2026-46", Destination: "/mnt/backup", Path: "pvc-data/2026-46/" + volume,
			Result: result, Error: failure, Findings: findings,
		})
	}
	add("apps/fine", VerifyFine, "")
	add("apps/changed", VerifyFindings, "", "config.yml: 120 bytes, and 118 in the receipt")
	var many []string
	for i := range 14 {
		many = append(many, fmt.Sprintf("photos/%02d.jpg is not there", i))
	}
	add("apps/lost", VerifyFindings, "", many...)
	add("apps/old", VerifyNoReceipt, "")
	add("apps/new", VerifyAdopted, "")
	add("apps/unread", VerifyError, "open manifest: input/output error")
	add(hostileName, VerifyFindings, "", hostileName)
	return d
}

func TestVerify(t *testing.T) {
	verbose := plain80
	verbose.Verbose = true
	fine := verified()
	fine.Data, fine.Versions = false, fine.Versions[:1]
	for _, c := range []struct {
		name    string
		d       VerifyDocument
		options Options
	}{
		{"verify.txt", verified(), plain80}, {"verify-verbose.txt", verified(), verbose}, {"verify-fine.txt", fine, plain80},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Verify(&b, c.d, c.options); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, b.String())
		})
	}
	t.Run("verify.json", func(t *testing.T) {
		var b bytes.Buffer
		if err := JSON(&b, verified()); err != nil {
			t.Fatal(err)
		}
		golden(t, "verify.json", b.String())
	})
}

// copies is a plan that writes to one of two disks.
func copies() plan.Plan {
	p := settled()
	p.Layers = append(p.Layers, plan.LayerStatus{Name: "weekly", Kind: plan.LayerFiles, CarriedOut: true, Slot: at(11, 24, 5, 0), NextSlot: at(11, 25, 5, 0), Volumes: 2, Versions: 8})
	p.Actions = []plan.Action{
		{ID: "1", Kind: plan.Clean, Layer: "weekly", Volume: "weekly-0123456789abcdef", VersionTime: p.Time, Reason: plan.Reason{Code: plan.ReasonLeftover, Detail: "a killed run was building or removing it"}, Copy: &plan.CopyAction{}},
		{ID: "2", Kind: plan.Create, Layer: "weekly", Volume: "apps/web", Version: "2026-47", VersionTime: p.Time, Reason: plan.Reason{Code: plan.ReasonNoVersion, Detail: "no version yet"}, Copy: &plan.CopyAction{}},
		{ID: "3", Kind: plan.Refresh, Layer: "weekly", Volume: "apps/db", Version: "2026-47", VersionTime: p.Time, Reason: plan.Reason{Code: plan.ReasonDue, Detail: "the newest, 2026-11-23 05:00, is older than the slot 2026-11-24 05:00"}, Copy: &plan.CopyAction{Estimate: &plan.Estimate{Bytes: 5 << 30, Inodes: 47_900}}},
		{ID: "4", Kind: plan.Create, Layer: "weekly", Volume: "apps/idle", Version: "2026-47", VersionTime: p.Time, Reason: plan.Reason{Code: plan.ReasonUnchanged, Detail: "the newest, 2026-11-23 05:00, is older than the slot 2026-11-24 05:00, and its snapshot is the same"}, Copy: &plan.CopyAction{Estimate: &plan.Estimate{Inodes: 100}}},
		{ID: "5", Kind: plan.Prune, Layer: "weekly", Volume: "apps/web", Version: "2026-40", VersionTime: p.Time, Reason: plan.Reason{Code: plan.ReasonRetention, Detail: "not among the last 4"}, Copy: &plan.CopyAction{Estimate: &plan.Estimate{Bytes: 1 << 30, Inodes: 1_200}}},
	}
	p.Capacity = []plan.Capacity{
		{
			Destination: "sda", Path: "/mnt/backup", Size: 11 << 40, Free: 3 << 40, Adds: 5 << 30, Frees: 1 << 30, FreeAfter: 3<<40 - 4<<30, AtMost: 3 << 20, Unknown: 1,
			Inodes: 73 << 20, InodesFree: 71_234_567, AddsInodes: 48_000, FreesInodes: 1_200, InodesFreeAfter: 71_187_767,
			PerDay: 6 << 30, Full: time.Date(2028, 4, 19, 3, 0, 0, 0, sofia.Location()),
		},
		{Destination: "sdb", Path: "/mnt/other", Size: 1 << 40, Free: 1 << 39, FreeAfter: 1 << 39, Inodes: 100_000, InodesFree: 9_999, InodesFreeAfter: 9_999},
		{
			Destination: "synology", Path: "admin@nas:/volume1/Backup", Size: 5 << 40, Free: 1 << 40, FreeAfter: 1 << 40,
			ShareSnapshots: &plan.ShareSnapshots{Share: "Backup", Retention: "7 days"}, Declared: []string{"layer.offsite: keep_last = 8"},
		},
		{Destination: "other", Path: "nas2:/volume1/Backup", Size: 5 << 40, Free: 1 << 40, FreeAfter: 1 << 40, ShareSnapshots: &plan.ShareSnapshots{Share: "Backup", Detail: "synoretentionconf ended with 127: not found"}},
	}
	return p
}

func TestCapacity(t *testing.T) {
	verbose := plain80
	verbose.Verbose = true
	golden(t, "plan-copies.txt", text(t, Plan, copies(), plain80))
	golden(t, "plan-copies-verbose.txt", text(t, Plan, copies(), verbose))
	var markdown, document bytes.Buffer
	if err := PlanMarkdown(&markdown, copies()); err != nil {
		t.Fatal(err)
	}
	if err := PlanJSON(&document, copies()); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan-copies.md", markdown.String())
	golden(t, "plan-copies.json", document.String())
}

func TestInodes(t *testing.T) {
	for want, c := range map[string]plan.Capacity{
		"":                                     {Inodes: 100_000, InodesFree: 10_000, InodesFreeAfter: 10_000},
		"; 9999 of 100k inodes free":           {Inodes: 100_000, InodesFree: 9_999, InodesFreeAfter: 9_999},
		"; 1M of 2.5M inodes free, 988k after": {Inodes: 2_500_000, InodesFree: 1_000_000, AddsInodes: 12_000, InodesFreeAfter: 988_000},
		"; 1M of 2M inodes free after":         {Inodes: 2_000_000, InodesFree: 999_960, FreesInodes: 1, InodesFreeAfter: 999_961},
		"; 0 of 2M inodes free, -1 after":      {Inodes: 2_000_000, AddsInodes: 1, InodesFreeAfter: -1},
	} {
		if got := inodesText(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := inodesText(plan.Capacity{AddsInodes: 5}); got != "" {
		t.Errorf("of a file system that makes them as needed: %q", got)
	}
}

func TestNumbersThatAreNotKnownAreNotShownAsNone(t *testing.T) {
	for want, l := range map[string]plan.LayerStatus{
		"1 volume, 2 versions":            {Kind: plan.LayerFiles, Volumes: 1, Versions: 2},
		"volumes not known, 0 versions":   {Kind: plan.LayerSync, VolumesUnknown: true},
		"volumes and versions not known":  {Kind: plan.LayerFiles, VolumesUnknown: true, VersionsUnknown: true},
		"volumes and snapshots not known": {Kind: plan.LayerSnapshot, VolumesUnknown: true, VersionsUnknown: true},
	} {
		if got := held(l); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
