
destination "disk" "sda" {
  path = "/mnt/backup"
  guard { min_free = "10G" }
}
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
  guard {
    min_free_data     = "110%"
    min_free_metadata = "0.1"
    max_prune         = "10GiB"
  }
}
