source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
}

exclude "a" {
  namespaces = ["a"]
  layers     = [layer.snapshots, source.pvcs, "snapshots", layer.snapshots]
  reason     = "because"
}

exclude "b" {
  namespaces = ["b"]
  layers     = layer.snapshots
  reason     = "because"
}
