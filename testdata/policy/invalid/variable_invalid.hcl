variable "weeks" {
  default = 0

  validation {
    condition     = var.weeks > 0
    error_message = "At least one week is kept."
  }
}

source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
}

layer "snapshot" "snapshots" {
  from = source.pvcs
  schedule = "daily"
}
