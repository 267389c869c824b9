# Values for another installation of homelab.hcl:
#
#   bkplan plan -f homelab.hcl -var-file homelab.vars.hcl

pushgateway = "http://pushgateway.lan:9091"
nas         = "backup@nas.lan"
