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

notify "command" "mine" {
  on      = ["start", "success", "failure"]
  command = ["/usr/local/bin/hook", "--x"]
  timeout = "2m"
}

notify "ping" "healthchecks" {
  url_file = "/root/.hc-url"
  layers   = [layer.weekly]
}

notify "ntfy" "phone" {
  url        = "https://ntfy.sh/my-topic"
  token_file = "/root/.ntfy-token"
}

notify "slack" "ops" {
  url_file = "/root/.slack-url"
}

notify "email" "me" {
  to       = "me@example.org"
  from     = "pve@example.org"
  sendmail = "/usr/bin/msmtp"
  on       = ["failure", "success"]
}
