# The pool is nearly full: creating is blocked, pruning goes on, so that the pool
# can recover. With space again, what was blocked is made.
source /mnt/lab/lib.sh

claims=(vaultwarden/vaultwarden-data nextcloud/nextcloud-data forgejo/forgejo-data headscale/headscale-data)

say 'Four volumes with old snapshots in a pool that is 92% full'
pool_create pve data 512M
for claim in "${claims[@]}"; do
	pvc "$claim"
done
for day in 06 13 14 15; do
	for claim in "${claims[@]}"; do
		old_snapshot "$claim" "202611${day}_0300"
	done
done
vm_snapshot "$(lv_of forgejo/forgejo-data)" by-hand
fill_pool 92
cluster_up

say 'Creating is blocked, pruning is not'
plan
expect_line 'Plan: 0 to create, 4 to prune'
expect_line blocked
apply
expect_status 1
expect_snapshots 13
for claim in "${claims[@]}"; do
	expect_no_lv "$(lv_of "$claim")_snap_20261106_0300"
	expect_lv "$(lv_of "$claim")_snap_20261115_0300"
done
expect_lv vm-102-disk-0
expect_lv by-hand

say 'With space again, what was blocked is made'
quietly lvremove -y pve/vm-102-disk-0
apply
expect_status 0
expect_snapshots 17
expect_no_changes
