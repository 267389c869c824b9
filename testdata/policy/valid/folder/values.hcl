variable "at" {
  type    = string
  default = "daily"
}

locals { days = 7 }

locals { kept = "${local.days}d" }
