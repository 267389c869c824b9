# The lab's policy for whole nights: snapshots of the volumes, and copies on the
# backup disk of their files, their databases, the pfSense and the host itself.

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
  luks { key_file = "/root/.luks-backup-key" }
}

source "paths" "pve_config" {
  paths = ["/run/lab/host/etc/pve", "/run/lab/host/usr/local/bin", "/run/lab/host/etc/systemd/system"]
  media = "sdb"
}

source "pfsense" "gateway" {
  address       = "root@10.0.20.1"
  identity_file = "/root/.ssh/pfsense_backup"
  api {
    url      = "https://10.0.20.1/api/v1/system/config"
    key_file = "/root/.pfsense-api-key"
  }
}

destination "disk" "sda" {
  path          = "/mnt/backup"
  require_mount = true
  media         = "sda"
  guard { min_free = "5%" }
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "*-*-* 03:00"
  retention { keep_within = "7d" }
}

layer "files" "weekly" {
  from      = layer.snapshots
  to        = destination.sda
  directory = "pvc-data"
  version   = "%Y-%W"
  schedule  = "*-*-* 05:00"
  retention { keep_last = 4 }
}

layer "sqlite" "sqlite" {
  from      = layer.snapshots
  to        = destination.sda
  directory = "sqlite-backup"
  version   = "%Y-%W"
  schedule  = "*-*-* 05:00"
  retention { keep_last = 4 }
}

layer "fetch" "pfsense" {
  from      = source.gateway
  to        = destination.sda
  directory = "pfsense"
  version   = "%Y-%W"
  schedule  = "*-*-* 05:00"
  retention { keep_last = 4 }
}

layer "fetch" "pfsense_files" {
  from      = source.gateway
  artifact  = "filesystem"
  to        = destination.sda
  directory = "pfsense-files"
  version   = "%Y-%W"
  schedule  = "*-*-* 05:00"
  retention { keep_last = 4 }
}

layer "sync" "pve_config" {
  from      = source.pve_config
  to        = destination.sda
  directory = "pve-config"
  schedule  = "*-*-* 05:00"
}
