source "directory" "srv" {
  path = "/srv"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

destination "disk" "part" {
  path = "/mnt/backup/part"
}

destination "ssh" "nas" {
  address = "backup@nas"
  path    = "/volume1"
}

layer "files" "own" {
  from      = source.srv
  to        = destination.sda
  directory = ".bkplan/"
  schedule  = "daily"
}

layer "sync" "below" {
  from      = source.srv
  to        = destination.nas
  directory = ".bkplan/receipts"
  schedule  = "daily"
}

layer "files" "of_another" {
  from      = source.srv
  to        = destination.sda
  directory = "part/.bkplan/work"
  schedule  = "daily"
}

layer "files" "beside" {
  from      = source.srv
  to        = destination.sda
  directory = ".bkplan-files"
  schedule  = "daily"
}

layer "files" "elsewhere" {
  from      = source.srv
  to        = destination.sda
  directory = "files/.bkplan"
  schedule  = "daily"
}
