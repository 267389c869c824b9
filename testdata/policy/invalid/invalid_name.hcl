source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "every night" {
  from = source.pvcs
  schedule = "daily"
}

exclude "1st" {
  namespaces = ["a"]
  reason = "because"
}
