source "pfsense" "gateway" {
  address = "-oProxyCommand=evil"
  api {
    url      = "pfsense.lan/api"
    key_file = "key"
  }
}

destination "ssh" "nas" {
  address = "backup at nas"
  path    = "/volume1"
}

metrics {
  pushgateway { url = "ftp://x" }
}
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
}
