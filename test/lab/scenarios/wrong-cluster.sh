# The kubeconfig leads to another cluster, or the driver's name is wrong: names are not
# known, so nothing that could be excluded gets a snapshot.
source /mnt/lab/lib.sh

claims=(vault/data-vault-0 dbaas/postgresql-data monitoring/prometheus-data)

# refused says that plan and apply know what is wrong, and do nothing.
refused() {
	remember_world
	plan
	expect_line 'names no volume of pool pve/data'
	expect_line "$1"
	expect_line 'No changes can be made: 1 blocked'
	apply
	expect_status 1
	expect_line 'names no volume of pool pve/data'
	expect_same_world
}

pool_create pve data 1G
for claim in "${claims[@]}"; do
	pvc "$claim"
done

say 'Another cluster, of the same driver'
cp "$notes/volumes" /run/lab/volumes
forget_cluster
pv grafana/grafana-data "attic/pve9/ssd/$(lv_of grafana/grafana-data)" "$driver" 1G
pv loki/loki-data "attic/pve9/ssd/$(lv_of loki/loki-data)" "$driver" 1G
cluster_up
refused "its drivers are: $driver"

say 'Another driver'
cluster_down
forget_cluster
pv grafana/grafana-data pvc-2f8a driver.longhorn.io 1G
cluster_up
refused 'its drivers are: driver.longhorn.io'

say 'A cluster without volumes'
cluster_down
forget_cluster
pv grafana/grafana-data 192.168.1.127#srv/nfs/grafana nfs.csi.k8s.io 1G
cluster_up
refused 'its drivers are: nfs.csi.k8s.io'

say 'The right one'
cluster_down
cp /run/lab/volumes "$notes/volumes"
cluster_up
apply
expect_status 0
expect_snapshots 1
expect_snapshots 1 vault/data-vault-0
expect_no_changes
