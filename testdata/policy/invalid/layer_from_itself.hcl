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

layer "files" "weekly" {
  from = layer.weekly
  to = destination.sda
  directory = "files"
  schedule = "daily"
}
