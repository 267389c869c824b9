source "pfsense" "gateway" {
  api {
    url      = "https://pfsense.lan/api/v1/system/config"
    key_file = "/root/.pfsense-api-key"
  }
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

layer "fetch" "config" {
  from      = source.gateway
  to        = destination.sda
  directory = "pfsense"
  schedule  = "daily"
}

layer "fetch" "files" {
  from      = source.gateway
  to        = destination.sda
  directory = "pfsense-files"
  artifact  = "filesystem"
  schedule  = "weekly"
}
