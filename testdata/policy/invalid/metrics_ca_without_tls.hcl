source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
}

metrics {
  pushgateway {
    url     = "http://pushgateway.lan:9091"
    ca_file = "/etc/bkplan/ca.pem"
    timeout = "10m"
  }
}
