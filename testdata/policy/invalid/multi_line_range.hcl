exclude "dbaas" {
  namespaces = {
    dbaas      = true
    monitoring = true
    more       = true
    still      = true
  }
  reason = [
    "because"
  ]
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
