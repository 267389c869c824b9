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
  older_names = true
}
