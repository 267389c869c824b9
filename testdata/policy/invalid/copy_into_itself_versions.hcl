source "directory" "srv" {
  path = "/srv"
}

source "directory" "services" {
  path = "/srv"
  each = "*"
}

source "paths" "host" {
  paths = ["/etc", "/srv/backup/host"]
}

destination "disk" "here" {
  path = "/srv/backup"
}

layer "files" "whole" {
  from      = source.srv
  to        = destination.here
  directory = "whole"
  exclude   = ["/backup/other", "backup"]
  schedule  = "daily"
}

layer "sqlite" "each" {
  from      = source.services
  to        = destination.here
  directory = "each"
  schedule  = "daily"
}

layer "files" "paths" {
  from      = source.host
  to        = destination.here
  directory = "host"
  schedule  = "daily"
}
