source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
  kubernetes {
    driver = "csi.proxmox.sinextra.org"
  }
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
}
