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
