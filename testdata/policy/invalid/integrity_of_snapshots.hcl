source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

layer "sqlite" "weekly" {
  from = layer.snapshots
  to = destination.sda
  directory = "files"
  schedule = "daily"
  integrity { schedule = "hourly" }
}
