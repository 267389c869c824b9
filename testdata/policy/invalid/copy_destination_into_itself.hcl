destination "ssh" "nas" {
  address = "a@nas"
  path    = "/volume1"
}

destination "ssh" "nas_too" {
  address = "b@nas"
  path    = "/volume1/too"
}

layer "sync" "one" {
  from      = destination.nas
  to        = destination.nas_too
  directory = "one"
  schedule  = "daily"
}

layer "sync" "two" {
  from      = destination.nas
  to        = destination.nas
  directory = "two"
  schedule  = "daily"
}
