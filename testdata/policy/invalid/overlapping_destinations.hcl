source "directory" "nfs" {
  path = "/srv/nfs"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

destination "disk" "below" {
  path = "/mnt/backup/nfs"
}

layer "sync" "one" {
  from      = source.nfs
  to        = destination.sda
  directory = "nfs"
  schedule  = "daily"
}

layer "sync" "two" {
  from      = source.nfs
  to        = destination.below
  directory = "photos"
  schedule  = "daily"
}
