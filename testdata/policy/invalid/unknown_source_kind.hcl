source "lvmthin" "pvcs" {
  volume_group = "pve"
}
