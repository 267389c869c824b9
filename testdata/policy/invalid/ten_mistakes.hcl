# Ten mistakes, and all of them are shown.

bkplan {
  timezone = "Europe/Sofja" # 1
}

source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thinpool     = "data" # 2
  match        = "vm-*-pvc-*"
  kubernets {} # 3
}

destination "disk" "sda" {
  path = "mnt/backup" # 4
}

exclude "dbaas" {
  namespaces = "dbaas" # 5
  reason     = "covered by dumps"
}

layer "snapshot" "snapshots" {
  from     = source.pvc       # 6
  schedule = "*-*-* 24:00"    # 7
  retention { keep_last = 0.5 } # 8
}

layer "files" "weekly" {
  from      = layer.snapshots
  to        = destination.sdb # 9
  directory = "pvc-data"
  schedule  = "daily"
  retention { keep_within = "4w" } # 10
}
