// Everything the language can compute, in one policy.

variable "namespaces" {
  type    = list(string)
  default = ["dbaas", "monitoring"]
}

variable "disk" {
  type = object({ path = string, media = string })
  default = {
    path  = "/mnt/backup"
    media = "sda"
  }
}

variable "weeks" {
  type        = number
  default     = 4
  description = "Weeks that are kept."
  validation {
    condition     = var.weeks >= 1
    error_message = "At least one week is kept."
  }
}

variable "strict" {
  type    = bool
  default = true
}

locals {
  at     = { for name, hour in { snapshots = 3, files = 5 } : name => format("*-*-* %02d:00", hour) }
  layers = concat([layer.snapshots], [layer.weekly])
  churn  = [for n in var.namespaces : lower(trimspace(n)) if n != "monitoring"]
}

bkplan {
  required_version = ">= 0.1, < 9, != 0.3"
  timezone         = "UTC"
}

policy "all" {
  copies  = 2
  max_age = var.strict ? "26h" : "7d"
}

source "lvm_thin" "main" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = join("-", ["vm", "*", "pvc", "*"])
  luks { key_file = "/root/key" }
  kubernetes {}
}

source "etcd" "main" { cronjob = "kube-system/etcd-backup" }

destination "disk" "disk" {
  path  = var.disk.path
  media = var.disk["media"]
  guard { min_free = "20GiB" }
}

exclude "churn" {
  namespaces = local.churn
  layers     = local.layers
  reason     = <<-TEXT
    It changes all the time.
  TEXT
}

layer "snapshot" "snapshots" {
  from     = source.main # of the two sources of this name, the thin pool
  schedule = local.at.snapshots
  retention {
    keep_last    = 3
    keep_hourly  = 1
    keep_daily   = 7
    keep_weekly  = 4
    keep_monthly = 6
    keep_yearly  = 1
  }
  pre_restore { keep_within = "2d" }
  guard {
    min_free_data     = "50GiB"
    min_free_metadata = "5.5%"
    max_prune         = "100%"
  }
}

layer "files" "weekly" {
  from      = layer["snapshots"]
  to        = destination.disk
  directory = "files/${lower("PVC")}"
  version   = "%G-%V"
  schedule  = local.at["files"]
  exclude   = ["*.tmp"]
  timeout   = "30m"
  retention {
    keep_last           = var.weeks
    keep_within         = "30m"
    keep_within_hourly  = "26h"
    keep_within_daily   = "7d"
    keep_within_weekly  = "31d"
    keep_within_monthly = "366d"
    keep_within_yearly  = null
  }
}

layer "dump" "etcd" {
  from      = source.etcd.main
  to        = destination.disk
  directory = "etcd"
  schedule  = "weekly"
}
