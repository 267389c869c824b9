source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-[0-9"
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
}
