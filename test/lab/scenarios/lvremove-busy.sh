# Somebody has a snapshot open that is to be pruned. It stays, the others go, the
# run is not green, and the next one mends it.
source /mnt/lab/lib.sh

claims=(vault/data-vault-0 forgejo/forgejo-data freshrss/freshrss-data)
busy=$(lv_of forgejo/forgejo-data)_snap_20261106_0300

say 'Three volumes with a snapshot to prune, one of which is open'
pool_create pve data 1G
for claim in "${claims[@]}"; do
	pvc "$claim"
	for day in 06 13 14 15; do
		old_snapshot "$claim" "202611${day}_0300"
	done
done
open_snapshot "$busy"
cluster_up

say 'The open one stays, the others go'
apply
expect_status 1
expect_line "$busy"
expect_lv "$busy"
expect_no_lv "$(lv_of vault/data-vault-0)_snap_20261106_0300"
expect_no_lv "$(lv_of freshrss/freshrss-data)_snap_20261106_0300"
for claim in "${claims[@]}"; do
	expect_lv "$(lv_of "$claim")_snap_20261115_0300"
done

say 'Closed, it goes with the next run'
close_snapshot "$busy"
apply
expect_status 0
expect_no_lv "$busy"
expect_no_changes
