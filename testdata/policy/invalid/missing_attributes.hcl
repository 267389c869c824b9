source "lvm_thin" "pvcs" {}

layer "files" "weekly" {}
