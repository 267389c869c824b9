# A volume was restored by hand: what it held is kept as a _pre_restore_ copy, and the
# volume is a copy of an older snapshot. Its history goes on, and the copy is let go
# in its time.
source /mnt/lab/lib.sh

claim=vaultwarden/vaultwarden-data
lv=$(lv_of "$claim")
copy=${lv}_pre_restore_20261116_0900
sed -i 's/^  retention .*/&\n  pre_restore { keep_within = "2d" }/' "$BKPLAN_POLICY"

say 'Two volumes with history; bkplan has made the newest versions'
pool_create pve data 1G
for name in "$claim" forgejo/forgejo-data; do
	pvc "$name"
	for day in 10 12; do
		old_snapshot "$name" "202611${day}_0300"
	done
done
cluster_up
clock '20261115 03:00'
apply
expect_status 0
clock '20261116 09:00'
plan
expect_line 'Plan: 2 to create, 0 to prune'

say 'One is restored to the version of the 12th'
quietly lvrename pve "$lv" "$copy"
quietly lvcreate -s "pve/${lv}_snap_20261112_0300" -n "$lv" -kn
clock '20261116 12:00'

say 'It is a live volume and gets its version; its history counts'
remember_world
plan -v
expect_status 0
expect_line 'Plan: 2 to create, 0 to prune'
expect_line '0 unprotected'
expect_same_world
clock '20261116 12:00' # on a slow machine a minute has gone by
apply
expect_status 0
expect_lv "${lv}_snap_20261116_1200"
expect_lv "$copy"
expect_no_changes
drift
expect_no_line "$lv"

say 'Two days after the restore the copy goes, and nothing else'
clock '20261118 08:00'
plan
expect_line 'Plan: 2 to create, 2 to prune' # the versions of the 10th
apply
expect_status 0
expect_lv "$copy"
clock '20261118 12:00'
plan
expect_line 'Plan: 0 to create, 1 to prune'
apply
expect_status 0
expect_no_lv "$copy"
expect_no_changes

say 'What bkplan made is still known; what the older script made could be anybody'\''s'
for day in 12 15 16 18; do
	expect_lv "$(lvs --noheadings -o lv_name -S "lv_name=~^${lv}_snap_202611${day}" pve | tr -d ' ')"
done
clock '20261123 11:00' # within 7 days of the version of the 16th, whatever the seconds
apply
expect_status 0
expect_no_changes
expect_no_lv "${lv}_snap_20261115_0300"
expect_lv "${lv}_snap_20261116_1200"
expect_lv "${lv}_snap_20261112_0300" # LVM has forgotten of what it is a snapshot
expect_lv "$lv"
drift
expect_line "pve/${lv}_snap_20261112_0300"
