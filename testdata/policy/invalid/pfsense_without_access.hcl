source "pfsense" "gateway" {}
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

layer "fetch" "files" {
  from      = source.gateway
  to        = destination.sda
  directory = "pfsense"
  artifact  = "filesystem"
  schedule  = "daily"
}
