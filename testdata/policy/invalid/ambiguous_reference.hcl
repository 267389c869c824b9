source "postgresql" "main" {
  cronjob = "dbaas/postgresql-backup"
}

source "mysql" "main" {
  cronjob = "dbaas/mysql-backup"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

layer "dump" "databases" {
  from = source.main
  to = destination.sda
  directory = "dumps"
  schedule = "daily"
}
