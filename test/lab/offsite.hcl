# What a night of night.hcl adds when there is a NAS.

destination "ssh" "synology" {
  address       = "bkplan@10.0.30.2:2222"
  identity_file = "/root/.ssh/synology_backup"
  path          = "/mnt/nas/volume1/Backup/homelab"
  media         = "synology"
  offsite       = true
  guard { min_free = "10%" }
}

layer "sync" "offsite" {
  from      = destination.sda
  to        = destination.synology
  directory = "pve-backup"
  schedule  = "*-*-* 06:00"
  retention { keep_last = 4 }
  guard { max_delete = "10%" }
}

source "directory" "nfs" {
  path  = "/run/lab/nfs"
  media = "sdc"
}

layer "sync" "nfs" {
  from          = source.nfs
  to            = destination.synology
  directory     = "nfs"
  track_changes = true
  schedule      = "*-*-* 06:00"
  full { schedule = "Sun *-*-1..7 06:00" }
  guard { max_delete = "50%" }
}
