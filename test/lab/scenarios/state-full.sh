# The disk of the state directory is full, or read-only: apply says so before it does
# anything, for a run that leaves no record is not begun.
source /mnt/lab/lib.sh

claims=(vault/data-vault-0 forgejo/forgejo-data)
state=/var/lib/bkplan

pool_create pve data 1G
for claim in "${claims[@]}"; do
	pvc "$claim"
	old_snapshot "$claim" 20261106_0300
	old_snapshot "$claim" 20261115_0300
done
cluster_up
remember_world

say 'Full'
dd if=/dev/zero of="$state/ballast" bs=64k 2>/dev/null || true
dd if=/dev/zero of="$state/crumbs" bs=1k 2>/dev/null || true
apply
expect_status 1
expect_line 'no space left on device'
expect_line "$state"
expect_same_world

say 'Looking needs no room'
plan
expect_status 0
expect_line 'Plan: 2 to create, 2 to prune'
rm "$state/ballast" "$state/crumbs"

say 'Read-only'
mount -o remount,ro "$state"
apply
expect_status 1
expect_line 'read-only file system'
expect_line "$state"
expect_same_world
plan
expect_status 0
mount -o remount,rw "$state"

say 'With room again'
apply
expect_status 0
expect_no_changes
expect_snapshots 4
