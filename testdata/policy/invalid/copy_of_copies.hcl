source "directory" "work" {
  path = "/mnt/backup/work"
}

source "directory" "home" {
  path = "/home"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

layer "files" "versions" {
  from      = source.work
  to        = destination.sda
  directory = "versions"
  exclude   = ["/cache/"]
  schedule  = "daily"
}

layer "sync" "home" {
  from      = source.home
  to        = destination.sda
  directory = "work/home"
  schedule  = "daily"
}

layer "sync" "cache" {
  from      = source.home
  to        = destination.sda
  directory = "work/cache"
  schedule  = "daily"
}

# A file that somebody else writes, and a copy to another destination, are not
# copies of copies.
source "etcd" "cluster" {
  cronjob = "kube-system/etcd-backup"
}

destination "disk" "sdb" {
  path = "/mnt/second"
}

layer "dump" "etcd" {
  from      = source.cluster
  to        = destination.sda
  directory = "work/etcd"
  schedule  = "daily"
}

source "directory" "second" {
  path = "/mnt/second"
}

layer "sync" "second_home" {
  from      = source.home
  to        = destination.sdb
  directory = "home"
  schedule  = "daily"
}

layer "files" "of_second" {
  from      = source.second
  to        = destination.sda
  directory = "second"
  schedule  = "daily"
}
