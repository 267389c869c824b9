# The lab's policy: the thin snapshots of the reference homelab.

bkplan {
  required_version = ">= 0.1"
  timezone         = "Europe/Sofia"
  state_dir        = "/var/lib/bkplan" # a disk of its own, which outlives a power cut
}

source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
  media        = "sdc"
  kubernetes {
    kubeconfig = "/run/lab/kubeconfig"
    driver     = "csi.proxmox.sinextra.dev"
  }
}

exclude "dbaas" {
  namespaces = ["dbaas"]
  layers     = [layer.snapshots]
  reason     = "high churn: copy-on-write amplification; covered by dumps"
}

exclude "monitoring" {
  namespaces = ["monitoring"]
  layers     = [layer.snapshots]
  reason     = "regenerable metrics"
  accept     = true
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "*-*-* 03:00"
  retention { keep_within = "7d" }
  guard {
    min_free_data     = "10%"
    min_free_metadata = "10%"
  }
}
