
destination "disk" "sda" {
  path = "/mnt/backup"
}

source "postgresql" "main" {
  cronjob = "dbaas/postgresql-backup"
}

layer "dump" "postgresql" {
  from      = source.postgresql.main
  to        = destination.sda
  directory = "dumps"
  files     = "*.gz"
  schedule  = "daily"
}

source "mysql" "main" {
  cronjob = "dbaas/mysql-backup"
}

layer "dump" "mysql" {
  from      = source.mysql.main
  to        = destination.sda
  directory = "dumps"
  files     = "dump_*.sql.gz"
  schedule  = "daily"
}

source "redis" "main" {
  cronjob = "dbaas/redis-backup"
}

layer "dump" "redis" {
  from      = source.redis.main
  to        = destination.sda
  directory = "dumps"
  files     = "*.rdb"
  schedule  = "daily"
}
