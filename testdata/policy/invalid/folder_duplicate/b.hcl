layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "daily"
}

layer "snapshot" "more" {
  from     = source.pvs
  schedule = "daily"
}
