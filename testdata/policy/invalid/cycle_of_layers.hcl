destination "disk" "one" {
  path = "/mnt/one"
}

destination "disk" "two" {
  path = "/mnt/two"
}

layer "sync" "there" {
  from      = destination.one
  to        = destination.two
  directory = "one"
  schedule  = "daily"
}

layer "sync" "back" {
  from      = destination.two
  to        = destination.one
  directory = "two"
  schedule  = "daily"
}
