# Names as odd as LVM and Kubernetes let them be: of all allowed characters, like a
# snapshot's, and so long that a snapshot's plain name would not fit.
source /mnt/lab/lib.sh

long_claim=$(printf 'c%.0s' {1..253})
long_lv=vm-9999-pvc-$(printf 'x%.0s' {1..108}) # one more, and LVM cannot activate it
hyphens=vm-9999-pvc-$(printf 'y-%.0s' {1..35})z

say 'Five volumes with odd names'
pool_create pve data 1G
pvc odd/all.characters 1G vm-1-pvc-a+b.c_d-e--+._-
pvc odd/like-a-snapshot 1G vm-1-pvc-a_snap_20261101_0300
pvc odd/like-a-copy 1G vm-1-pvc-a_pre_restore_20261101_0300
pvc "odd/$long_claim" 1G "$long_lv"
pvc odd/hyphens 1G "$hyphens"
cluster_up

say 'Each gets its snapshot'
remember_world
plan -v
expect_status 0
expect_line 'Plan: 5 to create, 0 to prune'
expect_same_world
clock '20261116 12:00' # on a slow machine a minute has gone by
apply
expect_status 0
expect_no_changes
lvs --noheadings -o lv_name,origin -S 'origin!=""' pve
expect_lv vm-1-pvc-a+b.c_d-e--+._-_snap_20261116_1200
expect_lv vm-1-pvc-a_snap_20261101_0300_snap_20261116_1200
expect_lv vm-1-pvc-a_pre_restore_20261101_0300_snap_20261116_1200

# shortened LV prints the snapshot of a volume whose name had to be shortened.
shortened() { lvs --noheadings -o lv_name -S "origin=$1" pve | grep -E '\.[0-9a-f]{12}_snap_20261116_1200$' | tr -d ' '; }
first=$(shortened "$long_lv")
second=$(shortened "$hyphens")
for snapshot in "$first" "$second"; do
	quietly lvchange -ay -K "pve/$snapshot"
	quietly lvchange -an "pve/$snapshot"
done

say 'Nine days later each has a newer one, and the first ones go'
clock '20261120 12:00'
apply
expect_status 0
expect_snapshots 10
clock '20261125 12:00'
apply
expect_status 0
expect_snapshots 10
expect_no_lv "$first"
expect_no_lv "$second"
expect_no_lv vm-1-pvc-a+b.c_d-e--+._-_snap_20261116_1200
expect_lv vm-1-pvc-a_snap_20261101_0300
expect_no_changes
