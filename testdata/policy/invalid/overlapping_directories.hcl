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
}

layer "sync" "two" {
  from      = source.nfs
  to        = destination.sda
  directory = "nfs/"
  schedule  = "daily"
}

layer "sync" "three" {
  from      = source.nfs
  to        = destination.sda
  directory = "nfs/photos"
  schedule  = "daily"
}

layer "sync" "beside" {
  from      = source.nfs
  to        = destination.sda
  directory = "nfs-photos"
  schedule  = "daily"
}
