source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "Mon..Fri 03:00"
  alert { stale = "30h" }
}

alerts {
  drift { kinds = [] }
}

destination "disk" "sda" { path = "/mnt/backup" }

# Fresh by its own schedule, and a copy of what is three days old.
layer "files" "daily" {
  from      = layer.snapshots
  to        = destination.sda
  directory = "daily"
  version   = "%Y-%m-%d"
  schedule  = "*-*-* 05:00"
  alert { stale = "60h" }
}
