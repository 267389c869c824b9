source "directory" "nfs" {
  path = "/mnt/backup/nfs/photos"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

layer "sync" "mirror" {
  from      = source.nfs
  to        = destination.sda
  directory = "nfs"
  schedule  = "daily"
}
