source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
}

metrics {
  pushgateway { url = "https://bkplan:hunter2@pushgateway.lan:9091/" }
}
