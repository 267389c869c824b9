source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
  luks {}
}

destination "ssh" "nas" {
  address = "admin@nas"
  path    = "/volume1/Backup"
  synology {}
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
}
