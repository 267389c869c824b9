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
  from = layer.snapshots
  to = destination.sda
  directory = "files"
  schedule = "daily"
  version = "%Y-%V"
}

layer "files" "weekly1" {
  from = layer.snapshots
  to = destination.sda
  directory = "files1"
  schedule = "daily"
  version = "%m-%d"
}

layer "files" "weekly2" {
  from = layer.snapshots
  to = destination.sda
  directory = "files2"
  schedule = "daily"
  version = "week"
}

layer "files" "weekly3" {
  from = layer.snapshots
  to = destination.sda
  directory = "files3"
  schedule = "daily"
  version = "%y-%W"
}

layer "files" "weekly4" {
  from = layer.snapshots
  to = destination.sda
  directory = "files4"
  schedule = "daily"
  version = "%Y/%W"
}

layer "files" "weekly5" {
  from = layer.snapshots
  to = destination.sda
  directory = "files5"
  schedule = "daily"
  version = ".%Y"
}

layer "files" "weekly6" {
  from = layer.snapshots
  to = destination.sda
  directory = "files6"
  schedule = "daily"
  version = "%Y-%m-%"
}
