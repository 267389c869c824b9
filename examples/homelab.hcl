# The backups of a whole homelab, as one policy.
#
# A Proxmox host runs a Kubernetes cluster whose volumes (PVCs) are logical
# volumes of an LVM thin pool. A second disk in the host takes copies of files,
# a Synology NAS in another place takes a copy of everything: three copies, on
# two media, one of them offsite.
#
# To read it, five words are enough:
#
#   source       a place that holds live data
#   volume       one protected thing of a source, such as one PVC
#   destination  a place that holds copies
#   layer        a rule that keeps versions of volumes somewhere
#   version      one copy of one volume at one point in time
#
# To use it: `bkplan validate -f homelab.hcl` checks it, `bkplan plan` shows
# what would be done, `bkplan apply` does just that.

bkplan {
  required_version = ">= 0.1"

  # Schedules, week numbers and names of versions are in this time zone.
  timezone = "Europe/Sofia"

  # Run records, the lock, and the last good answer of the cluster.
  state_dir = "/var/lib/bkplan"
}

# --- Values that differ from one installation to the next --------------------
#
# Set with `-var pushgateway=…`, a file given to `-var-file` (see
# homelab.vars.hcl), or the environment: BKPLAN_VAR_pushgateway.

variable "pushgateway" {
  type        = string
  default     = "http://10.0.20.100:30091"
  description = "URL of the Prometheus Pushgateway."

  validation {
    condition     = length(regexall("^https?://", var.pushgateway)) > 0
    error_message = "A Pushgateway has a URL that starts with http:// or https://."
  }
}

variable "nas" {
  type        = string
  default     = "Administrator@192.168.1.13"
  description = "The Synology, as ssh is told: user@host."
}

locals {
  # Written once, so that layers which belong together cannot drift apart.
  snapshots_at = "*-*-* 03:00"
  files_at     = "*-*-* 05:00"
  offsite_at   = "*-*-* 06:00"
  first_sunday = "Sun *-*-1..7 06:00" # day 1 to 7, and a Sunday

  # These layers copy PVCs; the exclude blocks below name them together.
  pvc_layers = [layer.snapshots, layer.weekly, layer.sqlite]
}

# --- What must be reached ----------------------------------------------------
#
# The narrowest policy that matches a volume counts. `bkplan drift` lists the
# volumes that fall short.

policy "three-two-one" {
  copies  = 3     # the live data is one; a snapshot in the same pool is none
  media   = 2     # on so many different media
  offsite = 1     # so many of them elsewhere
  max_age = "26h" # the newest copy may be this old: a day, and some patience
}

policy "databases" {
  namespaces = ["dbaas"]
  copies     = 3
  media      = 2
  offsite    = 1
  max_age    = "36h"
}

# The NFS trees are too large for the backup disk: live data and the NAS.
policy "shared_files" {
  sources = [source.nfs, source.nfs_ssd]
  copies  = 2
  media   = 2
  offsite = 1
  max_age = "26h"
}

# --- Where the live data is --------------------------------------------------

# Every PVC of the cluster is a logical volume vm-<id>-pvc-<uuid>.
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
  media        = "sdc" # what fails together has the same word

  # Asked which namespace and claim a logical volume belongs to.
  kubernetes {
    kubeconfig = "/root/.kube/config"
    driver     = "csi.proxmox.sinextra.dev"
  }

  # Some volumes are encrypted; this key opens their snapshots.
  luks { key_file = "/root/.luks-backup-key" }
}

source "directory" "nfs" {
  path  = "/srv/nfs"
  each  = "*" # every child is a volume of its own
  media = "sdc"
}

source "directory" "nfs_ssd" {
  path  = "/srv/nfs-ssd"
  each  = "*"
  media = "sdb"
}

# The host itself: what it takes to set it up again.
source "paths" "pve_config" {
  paths = ["/etc/pve", "/usr/local/bin", "/etc/systemd/system"]
  media = "sdb"
}

source "pfsense" "gateway" {
  address       = "root@10.0.20.1"
  identity_file = "/root/.ssh/pfsense_backup"
  api {
    url      = "https://pfsense.lan/api/v1/system/config"
    key_file = "/root/.pfsense-api-key"
  }
}

# Databases dump themselves: a CronJob of the cluster writes the files. bkplan
# watches them, prunes the old ones, and starts the CronJob when it is late.

source "postgresql" "all" {
  cronjob = "dbaas/postgresql-backup"
  media   = "sdc"
}

source "postgresql" "per_database" {
  cronjob = "dbaas/postgresql-backup-per-db"
  media   = "sdc"
}

source "mysql" "all" {
  cronjob = "dbaas/mysql-backup"
  media   = "sdc"
}

source "mysql" "per_database" {
  cronjob = "dbaas/mysql-backup-per-db"
  media   = "sdc"
}

source "etcd" "cluster" {
  cronjob = "kube-system/etcd-backup"
  media   = "sdc"
}

source "vault" "secrets" {
  cronjob = "vault/vault-backup"
  media   = "sdc"
}

source "redis" "main" {
  cronjob = "redis/redis-backup"
  media   = "sdc"
}

# A password safe is more than its database: keys, attachments and sends too.
source "vaultwarden" "passwords" {
  volume  = "vaultwarden/vaultwarden-data"
  include = ["rsa_key*", "attachments", "sends", "config.json"]
  media   = "sdc"
}

# --- Where copies go ---------------------------------------------------------

destination "disk" "sda" {
  path          = "/mnt/backup"
  require_mount = true # never write into the empty mount point
  media         = "sda"
  guard { min_free = "15%" }
}

# Dumps land beside the shared files; the NFS layer takes them offsite.
destination "disk" "dumps" {
  path  = "/srv/nfs"
  media = "sdc"
}

destination "ssh" "synology" {
  address       = var.nas
  identity_file = "/root/.ssh/synology_backup"
  path          = "/volume1/Backup/homelab" # were it a mount point, as an encrypted share is: require_mount = true
  media         = "synology"
  offsite       = true
  guard { min_free = "10%" }
  synology { share = "Backup" } # the plan says how long its own snapshots stay
}

# --- What is left out, and why -----------------------------------------------

exclude "dbaas" {
  namespaces = ["dbaas"]
  layers     = local.pvc_layers
  reason     = "half of each volume changes within an hour, and copy-on-write doubles those writes; covered by dumps"
}

exclude "monitoring" {
  namespaces = ["monitoring"]
  layers     = local.pvc_layers
  reason     = "metrics can be collected anew"
  accept     = true # below the policy, and that is fine: not reported as unprotected
}

exclude "regenerable_files" {
  volumes = ["frigate", "temp", "ollama"]
  layers  = [layer.nfs]
  reason  = "recordings, scratch files and models: large, and to be had again"
  accept  = true
}

# --- Layers on the host ------------------------------------------------------

# Minutes to restore from, for a week.
layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = local.snapshots_at

  retention { keep_within = "7d" } # counted from the newest, not from today

  # A restore keeps what it replaced; such copies age on their own.
  pre_restore { keep_within = "14d" }

  # What its alerts are called: LVMSnapshotStale, LVMSnapshotFailing and
  # LVMSnapshotNeverRun. `bkplan alerts` writes them.
  alert {
    name  = "LVMSnapshot"
    stale = "30h"
    for   = "30m"
  }

  # Below this much room in the pool nothing is created; pruning goes on.
  guard {
    min_free_data     = "10%"
    min_free_metadata = "10%"
  }
}

# Files, copied out of the newest snapshot: pvc-data/<week>/<namespace>/<claim>.
# What did not change is a hard link to the week before.
layer "files" "weekly" {
  from      = layer.snapshots
  to        = destination.sda
  directory = "pvc-data"
  version   = "%Y-%W" # one a week, brought up to date each day
  schedule  = local.files_at
  retention { keep_last = 4 }

  alert {
    name  = "WeeklyBackup"
    stale = "8d"
  }
}

# Every SQLite database in the volumes, copied as SQLite wants it.
layer "sqlite" "sqlite" {
  from      = layer.snapshots
  to        = destination.sda
  directory = "sqlite-backup"
  version   = "%Y-%W"
  schedule  = local.files_at
  retention { keep_last = 4 }

  alert {
    name  = "SQLiteBackup"
    stale = "8d"
  }
}

# The firewall's config.xml: what it takes to set it up again.
layer "fetch" "pfsense" {
  from      = source.gateway
  to        = destination.sda
  directory = "pfsense"
  version   = "%Y-%W"
  schedule  = local.files_at
  retention { keep_last = 4 }

  alert {
    name  = "PfsenseBackup"
    stale = "8d"
  }
}

# Its whole file system as well, by ssh, once a week.
layer "fetch" "pfsense_files" {
  from      = source.gateway
  to        = destination.sda
  directory = "pfsense-files"
  artifact  = "filesystem" # else it is "config"
  version   = "%Y-%W"
  schedule  = "Sun *-*-* 05:00"
  retention { keep_last = 4 }

  alert { name = "PfsenseFilesBackup" }
}

# One copy, always the latest.
layer "sync" "pve_config" {
  from      = source.pve_config
  to        = destination.sda
  directory = "pve-config"
  schedule  = local.files_at

  alert { name = "PVEConfigBackup" }
}

# --- Dumps -------------------------------------------------------------------

layer "dump" "postgresql" {
  from      = source.postgresql.all # the kind tells it from mysql's "all"
  to        = destination.dumps
  directory = "postgresql-backup"
  files     = "dump_*.sql.gz"
  schedule  = "*-*-* 00:00"
  retention { keep_within = "14d" }

  alert {
    name  = "PostgreSQLBackup"
    stale = "36h"
  }
}

# One database can be restored without the others.
layer "dump" "postgresql_per_database" {
  from      = source.postgresql.per_database
  to        = destination.dumps
  directory = "postgresql-backup"
  files     = "per-db/*/dump_*.dump"
  schedule  = "*-*-* 00:15"
  retention { keep_within = "14d" }

  alert {
    name  = "PostgreSQLBackup"
    stale = "36h"
  }
}

layer "dump" "mysql" {
  from      = source.mysql.all
  to        = destination.dumps
  directory = "mysql-backup"
  files     = "dump_*.sql.gz"
  schedule  = "*-*-* 00:30"
  retention { keep_within = "14d" }

  alert {
    name  = "MySQLBackup"
    stale = "36h"
  }
}

layer "dump" "mysql_per_database" {
  from      = source.mysql.per_database
  to        = destination.dumps
  directory = "mysql-backup"
  files     = "per-db/*/dump_*.sql.gz"
  schedule  = "*-*-* 00:45"
  retention { keep_within = "14d" }

  alert {
    name  = "MySQLBackup"
    stale = "36h"
  }
}

layer "dump" "etcd" {
  from      = source.cluster
  to        = destination.dumps
  directory = "etcd-backup"
  files     = "snapshot-*.db"
  schedule  = "Sun *-*-* 01:00"
  retention { keep_within = "30d" }

  alert {
    name  = "EtcdBackup"
    stale = "8d"
  }
}

layer "dump" "vault" {
  from      = source.secrets
  to        = destination.dumps
  directory = "vault-backup"
  files     = "snapshot-*.snap"
  schedule  = "Sun *-*-* 02:00"
  retention { keep_within = "30d" }

  alert {
    name  = "VaultBackup"
    stale = "8d"
  }
}

layer "dump" "redis" {
  from      = source.main
  to        = destination.dumps
  directory = "redis-backup"
  files     = "*.rdb"
  schedule  = "Sun *-*-* 03:00"
  retention { keep_within = "30d" }

  alert {
    name  = "RedisBackup"
    stale = "8d"
  }
}

layer "sqlite" "vaultwarden" {
  from      = source.passwords
  to        = destination.dumps
  directory = "vaultwarden-backup"
  version   = "%Y%m%d%H%M"
  schedule  = "*-*-* 00/6:00" # every six hours

  # The live database is checked every hour, and whoever keeps passwords there hears
  # of damage at once.
  integrity {
    schedule = "*-*-* *:00"
    alert {
      name     = "VaultwardenIntegrityFail"
      severity = "critical"
      labels   = { channel = "vaultwarden" }
    }
  }
  retention { keep_within = "30d" }

  alert {
    name  = "VaultwardenBackup"
    stale = "8d"
  }
}

# --- Offsite -----------------------------------------------------------------

# The backup disk, version by version; hard links survive the trip. The NAS keeps more
# weeks than the disk. Without a retention it would keep all, and fill.
layer "sync" "offsite" {
  from      = destination.sda
  to        = destination.synology
  directory = "pve-backup"
  schedule  = local.offsite_at
  retention { keep_last = 8 }
  full { schedule = local.first_sunday } # sizes, times and modes are compared, whatever receipts say
  guard { max_delete = "10%" }           # a mirror that would delete more is blocked

  alert {
    name  = "OffsiteBackupSync"
    stale = "8d"
  }
}

# Large trees, which `bkplan watch` follows: what has changed goes every night, and all of
# it is compared on the first Sunday of the month.
layer "sync" "nfs" {
  from          = source.nfs
  to            = destination.synology
  directory     = "nfs"
  track_changes = true
  exclude       = ["/frigate/", "/temp/", "/ollama/"]
  schedule      = local.offsite_at
  full { schedule = local.first_sunday }
  guard { max_delete = "10%" }
  timeout = "12h" # 1.5 TB may take its time

  alert {
    name  = "OffsiteBackupSync"
    stale = "8d"
  }
}

layer "sync" "nfs_ssd" {
  from          = source.nfs_ssd
  to            = destination.synology
  directory     = "nfs-ssd"
  track_changes = true
  schedule      = local.offsite_at
  full { schedule = local.first_sunday }
  guard { max_delete = "10%" }

  alert {
    name  = "OffsiteBackupSync"
    stale = "8d"
  }
}

# --- Who hears of it ---------------------------------------------------------

metrics {
  pushgateway { url = var.pushgateway }
  textfile { path = "/var/lib/prometheus/node-exporter/bkplan.prom" }
}

# Rules for Prometheus, by `bkplan alerts`. What a layer's alerts are called, and how
# old its copies may become, stands with the layer.
alerts {
  severity = "warning"
  labels   = { channel = "backup" }

  pool_low {
    name = "LVMThinPoolLow"
    free = "15%"
  }

  disk_full {
    name = "BackupDiskFull"
    used = "85%"
  }
}
