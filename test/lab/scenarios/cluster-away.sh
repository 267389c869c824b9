# The Kubernetes API does not answer: names come from its last good answer, and
# without one nothing is made. An excluded database never gets a snapshot.
source /mnt/lab/lib.sh

say 'Five volumes, two of them databases; the cluster has never answered'
pool_create pve data 1G
for claim in vault/data-vault-0 forgejo/forgejo-data freshrss/freshrss-data dbaas/postgresql-data dbaas/mysql-data; do
	pvc "$claim"
done
plan
expect_status 1
expect_line 127.0.0.1:8001
apply
expect_status 1
expect_snapshots 0

say 'The cluster answers'
cluster_up
apply
expect_status 0
expect_snapshots 3
expect_no_changes

say 'A day later it is away: the last good answer serves, with its age'
cluster_down
clock '20261117 12:00'
plan
expect_line 'Plan: 3 to create, 0 to prune'
expect_line '23h old'
expect_line '2 excluded'
apply
expect_snapshots 6
for claim in dbaas/postgresql-data dbaas/mysql-data; do
	expect_snapshots 0 "$claim"
done

say 'A volume that came meanwhile is not dropped in silence'
pvc dbaas/redis-data
plan
expect_line "$(lv_of dbaas/redis-data)"

say 'The cluster is back and knows it: a database'
cluster_up
expect_no_changes
expect_snapshots 0 dbaas/redis-data
