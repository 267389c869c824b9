source "paths" "host" {
  paths = ["/etc", "usr/local/bin", "/etc", ""]
}

source "paths" "none" {
  paths = []
}
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
}
