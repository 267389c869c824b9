source "pfsense" "gateway" {
  address = "root@10.0.20.1"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

layer "fetch" "files" {
  from      = source.gateway
  to        = destination.sda
  directory = "pfsense-files"
  artifact  = "file-system"
  schedule  = "weekly"
}

layer "fetch" "nothing" {
  from      = source.gateway
  to        = destination.sda
  directory = "pfsense"
  artifact  = ""
  schedule  = "weekly"
}

layer "files" "photos" {
  from      = source.gateway
  to        = destination.sda
  directory = "photos"
  artifact  = "config"
  schedule  = "weekly"
}
