bkplan {
  timezone = "Europe/Sofia"
}

source "directory" "home" {
  path = "/home"
}

destination "disk" "sda" {
  path = "/mnt/backup"
}

layer "files" "weekly" {
  from      = source.home
  to        = destination.sda
  directory = "home"
  schedule  = "weekly"
}

notify "pager" "me" {
}

notify "ping" "neither" {
}

notify "ping" "both" {
  url      = "https://hc-ping.com/x"
  url_file = "/root/.hc-url"
}

notify "ping" "password" {
  url = "https://me:secret@hc.lan/x"
}

notify "slack" "ops" {
  url = "https://hooks.slack.com/services/T0/B0/secret"
}

notify "command" "relative" {
  on      = ["sucess"]
  command = ["hook", "--x"]
  timeout = "1h"
}

notify "command" "text" {
  command = "/usr/local/bin/hook"
}

notify "email" "name" {
  to     = "Me <me@example.org>"
  from   = "-oQ/tmp@example.org"
  layers = [source.home]
}

notify "ntfy" "phone" {
  url   = "ntfy.sh/topic"
  token = "tk_1"
}
