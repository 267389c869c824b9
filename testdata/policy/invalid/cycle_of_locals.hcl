locals {
  a = local.b
  b = "${local.c}d"
  c = local.a
  d = local.d
}

source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
  pre_restore { keep_within = local.b }
}
