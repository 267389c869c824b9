source "directory" "nfs" {
  path = "/srv/nfs"
}

destination "disk" "sda" {
  path = "/srv/nfs"
}

layer "sync" "mirror" {
  from      = source.nfs
  to        = destination.sda
  directory = "mirror"
  schedule  = "daily"
}
