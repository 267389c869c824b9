source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
  pre_restore { keep_within = "1.5h" }
  retention {
    keep_within       = "7 days"
    keep_within_daily = "30"
  }
}
