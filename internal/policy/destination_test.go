package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/schedule"
)

func TestLoadNAS(t *testing.T) {
	p := mustLoad(t, `
source "directory" "media" {
  path = "/srv/media"
}

destination "ssh" "nas" {
  address         = "admin@nas"
  identity_file   = "/root/.ssh/nas"
  path            = "/volume1/Backup"
  require_mount   = true
  media           = "nas"
  offsite         = true
  bandwidth_limit = "20MiB"
  quiet           = ["08:00-12:30", "20:00-24:00"]
  guard { min_free = "10%" }
  synology { share = "Backup" }
}

layer "sync" "media" {
  from      = source.media
  to        = destination.nas
  directory = "media"
  schedule  = "daily"
}
`)
	want := []plan.Destination{{
		Kind: plan.DestinationSSH, Name: "nas", Address: "admin@nas", IdentityFile: "/root/.ssh/nas", Path: "/volume1/Backup", RequireMount: true,
		Media: "nas", Offsite: true, BandwidthLimit: 20 << 20, SynologyShare: "Backup",
		Quiet:   []schedule.Window{parse(t, schedule.ParseWindow, "08:00-12:30"), parse(t, schedule.ParseWindow, "20:00-24:00")},
		MinFree: parse(t, quantity.ParseThreshold, "10%"),
	}}
	if diff := cmp.Diff(want, p.Destinations, cmpopts.EquateComparable(schedule.Window{}, quantity.Share{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
