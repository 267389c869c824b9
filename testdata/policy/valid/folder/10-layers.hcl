layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = var.at
  retention { keep_within = local.kept }
}
