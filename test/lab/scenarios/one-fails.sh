# One volume's thin device is lost in the pool's metadata, as after a repair, so
# that the kernel refuses to snapshot it. The others go on, and the run is not green.
source /mnt/lab/lib.sh

claims=(vault/data-vault-0 forgejo/forgejo-data freshrss/freshrss-data headscale/headscale-data)

say 'Four volumes, one of them lost in the pool'
pool_create pve data 1G
for claim in "${claims[@]}"; do
	pvc "$claim"
	for day in 06 13 14 15; do
		old_snapshot "$claim" "202611${day}_0300"
	done
done
lose_device forgejo/forgejo-data
cluster_up

say 'The others go on'
apply
expect_status 1
expect_line "$(lv_of forgejo/forgejo-data)"
expect_snapshots 4 vault/data-vault-0
expect_snapshots 4 freshrss/freshrss-data
expect_snapshots 4 headscale/headscale-data

say 'It is still due, it alone'
plan --detailed-exitcode
expect_status 2
expect_line 'Plan: 1 to create'
expect_lv "$(lv_of forgejo/forgejo-data)_snap_20261115_0300"
