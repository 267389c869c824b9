source "directory" "srv" {
  path          = "/srv"
  require_mount = true
}

source "pfsense" "gateway" {
  address = "root@10.0.20.1"
}

source "etcd" "cluster" {
  cronjob = "kube-system/etcd-backup"
}

destination "ssh" "nas" {
  address = "backup@nas"
  path    = "/volume1"
}

layer "files" "files" {
  from      = source.srv
  to        = destination.nas
  directory = "files"
  schedule  = "daily"
}

layer "sqlite" "sqlite" {
  from      = source.srv
  to        = destination.nas
  directory = "sqlite"
  schedule  = "daily"
}

layer "fetch" "pfsense" {
  from      = source.gateway
  to        = destination.nas
  directory = "pfsense"
  schedule  = "daily"
}

layer "dump" "etcd" {
  from      = source.cluster
  to        = destination.nas
  directory = "etcd"
  schedule  = "daily"
}

layer "sync" "mirror" {
  from      = source.srv
  to        = destination.nas
  directory = "srv"
  schedule  = "daily"
}
