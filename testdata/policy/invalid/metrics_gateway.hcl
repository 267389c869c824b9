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
    url      = "http://pushgateway.lan:9091/metrics/job/backup"
    username = "bk:plan"
    ca_file  = "/etc/bkplan/ca.pem"
    timeout  = "90"
    password = "hunter2"
  }
  textfile {
    path = "/var/lib/prometheus/node-exporter/bkplan"
  }
  older_names = "yes"
}
