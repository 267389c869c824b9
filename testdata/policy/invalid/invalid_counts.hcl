source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
  retention {
    keep_last   = -1
    keep_daily  = 1.5
    keep_weekly = 1000000
  }
}
