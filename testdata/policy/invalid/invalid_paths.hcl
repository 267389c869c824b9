bkplan {
  state_dir = "var/lib/bkplan"
}
source "directory" "nfs" {
  path = "~/nfs"
}

destination "disk" "sda" {
  path = "/mnt/backup/../other"
}

layer "sync" "one" {
  from      = source.nfs
  to        = destination.sda
  directory = "/mnt/backup/nfs"
  schedule  = "daily"
}

layer "sync" "two" {
  from      = source.nfs
  to        = destination.sda
  directory = "a/../../b"
  schedule  = "daily"
}

layer "sync" "three" {
  from      = source.nfs
  to        = destination.sda
  directory = "."
  schedule  = "daily"
}
