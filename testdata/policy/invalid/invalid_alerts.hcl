source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
  alert {
    name     = "LVM Snapshot"
    stail    = "30h"
    severity = "very bad"
    labels   = { layer = "x", "team-a" = "y", severity = "z", team = "" }
    integrity {}
  }
}

alerts {
  instance = "pve:9100"
  labels   = { channel = 4 }
  pool_low { free = "0%" }
  disk_full { used = "100%" }
  disk_filing { within = "7d" }
  drift { kinds = ["staled"] }
  silent { after = "1.5h" }
  suspect {
    kinds = ["stale"]
  }
  unprotected { for = 5 }
}
