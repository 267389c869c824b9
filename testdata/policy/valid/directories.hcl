# Versions of directories, without LVM, and what can be fetched from a pfSense.

source "directory" "home" {
  path          = "/home"
  require_mount = true
  media         = "ssd"
}

# One disk that holds live data and copies: /srv/backup is no volume.
source "directory" "services" {
  path  = "/srv"
  each  = "svc-*"
  media = "hdd"
}

source "directory" "shares" {
  path          = "/srv"
  each          = "*"
  require_mount = false
  media         = "hdd"
}

source "directory" "copies" {
  path  = "/srv/backup"
  media = "hdd"
}

source "paths" "host" {
  paths = ["/etc", "/usr/local/bin"]
  media = "ssd"
}

source "pfsense" "gateway" {
  address = "root@10.0.20.1"
}

source "pfsense" "by_api" {
  api {
    url      = "https://pfsense.lan/api/v1/system/config"
    key_file = "/no/such/key"
  }
}

destination "disk" "here" {
  path          = "/srv/backup"
  require_mount = true
  media         = "hdd"
}

destination "ssh" "nas" {
  address = "backup@nas"
  path    = "/volume1"
  media   = "nas"
}

exclude "copies" {
  volumes = ["back*"]
  layers  = [layer.sqlite]
  reason  = "copies, not live data"
}

layer "files" "home" {
  from      = source.home
  to        = destination.here
  directory = "home"
  version   = "%G-W%V"
  schedule  = "daily"
  retention { keep_last = 4 }
}

layer "files" "services" {
  from      = source.services
  to        = destination.here
  directory = "services"
  schedule  = "daily"
}

layer "sqlite" "sqlite" {
  from      = source.shares
  to        = destination.here
  directory = "sqlite"
  schedule  = "daily"
}

layer "files" "host" {
  from      = source.host
  to        = destination.here
  directory = "host"
  schedule  = "daily"
}

layer "fetch" "config" {
  from      = source.by_api
  to        = destination.here
  directory = "pfsense"
  schedule  = "daily"
}

layer "fetch" "files" {
  from      = source.gateway
  to        = destination.here
  directory = "pfsense-files"
  artifact  = "filesystem"
  schedule  = "weekly"
}

# Takes the copies on hdd to another medium.
layer "sync" "offsite" {
  from      = destination.here
  to        = destination.nas
  directory = "copies"
  schedule  = "daily"
}
