bkplan {
  state_dir = 5
}

destination "disk" "sda" {
  require_mount = "true"
  path = "/mnt/backup"
}
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
  retention { keep_last = "4" }
}

exclude "a" {
  namespaces = "dbaas"
  reason     = ["x"]
}
