source "directory" "nfs" {
  path = "/srv/nfs"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

layer "sync" "one" {
  from      = source.nfs
  to        = destination.sda
  directory = "nfs"
  schedule  = "daily"
  retention { keep_last = 4 }
}
