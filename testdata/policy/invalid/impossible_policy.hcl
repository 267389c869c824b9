policy "all" {
  copies  = 2
  media   = 3
  offsite = 3
}

policy "every" {
  copies = 3
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
