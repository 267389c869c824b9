source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
}

layer "files" "snapshots" {
  from = layer.snapshots
  to = destination.sda
  directory = "files"
  schedule = "daily"
}
