source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "Mon..Fri 03:00"
  alert { stale = "30h" }
}

alerts {
  drift { kinds = [] }
}
