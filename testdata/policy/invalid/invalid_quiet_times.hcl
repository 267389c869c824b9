source "directory" "nfs" { path = "/srv/nfs" }

destination "ssh" "nas" {
  address         = "admin@nas"
  path            = "/volume1/Backup"
  bandwidth_limit = "20 MB/s"
  quiet           = ["07:00-23:00", "7-23", "08:00-08:00"]
}

layer "sync" "nfs" {
  from      = source.nfs
  to        = destination.nas
  directory = "nfs"
  schedule  = "daily"
  retention { keep_last = 4 }
}
