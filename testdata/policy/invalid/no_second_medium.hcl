source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
  media        = "sda"
}

source "directory" "srv" {
  path  = "/srv"
  media = "sda"
}

source "directory" "copies" {
  path  = "/data/carried"
  media = "sda"
}

destination "disk" "data" {
  path  = "/data"
  media = "sda"
}

destination "disk" "other" {
  path  = "/mnt/other"
  media = "sdb"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
}

layer "files" "pvcs" {
  from      = layer.snapshots
  to        = destination.data
  directory = "pvcs"
  schedule  = "daily"
}

layer "sync" "srv" {
  from      = source.srv
  to        = destination.data
  directory = "srv"
  schedule  = "daily"
}

# These are carried on to another medium.
layer "sync" "carried" {
  from      = source.srv
  to        = destination.data
  directory = "carried/srv"
  schedule  = "daily"
}

layer "sync" "onward" {
  from      = source.copies
  to        = destination.other
  directory = "copies"
  schedule  = "daily"
}

# A destination of unknown medium proves nothing.
destination "disk" "unknown" {
  path = "/mnt/unknown"
}

source "directory" "pvc_copies" {
  path = "/data/pvcs"
}

layer "sync" "to_unknown" {
  from      = source.pvc_copies
  to        = destination.unknown
  directory = "pvcs"
  schedule  = "daily"
}

# Dumps are left to those who write them.
source "etcd" "cluster" {
  cronjob = "kube-system/etcd-backup"
  media   = "sda"
}

layer "dump" "etcd" {
  from      = source.cluster
  to        = destination.data
  directory = "etcd"
  schedule  = "daily"
}
