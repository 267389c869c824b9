variable "weeks" {
  type    = strng
  default = 4
}

source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
  pre_restore { keep_within = var.week }
}
