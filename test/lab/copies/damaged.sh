# Volumes whose file system is damaged, or none that bkplan knows: each is one failed
# action that says what is wrong, the others of the night are done, what was copied
# before stays, and nothing is left open.
source /mnt/lab/lib.sh
use_policy night snapshots weekly

damaged=(swap/none broken/superblock broken/journal broken/log)

say 'All of them are sound, and copied'
pool_create pve data 2G
backup_disk
for claim in sound/data "${damaged[@]}"; do
	pvc "$claim" 400M
	fs "$claim" "$([[ $claim == broken/log ]] && echo xfs || echo ext4)"
	write_some "$claim" folder/one 400
done
cluster_up
apply
expect_status 0
for claim in "${damaged[@]}"; do
	receipt weekly "$claim" 2026-46 '$.digest'
done >/run/lab/digests

say 'Their machine dies, and this is what is left on the disks'
clock '20261117 12:00'
write_some sound/data folder/two 400
for claim in "${damaged[@]}"; do
	write_some "$claim" folder/two 40
	unplugged "$claim"
done
turned_into_swap swap/none
overwritten broken/superblock 0 4
overwritten_journal broken/journal
overwritten_log broken/log

say 'Four fail, each for its own reason; the fifth is done'
apply
expect_status 1
expect_line '4 failed'
expect_failure refresh swap/none 'no file system that bkplan knows: swap'
expect_failure refresh broken/superblock 'it is empty, or its superblock is damaged'
expect_failure refresh broken/journal 'mount -t ext4'
expect_failure refresh broken/log 'mount -t xfs'
cmp "$live/sound/data/folder/two" "$(version_of sound/data 2026-46)/folder/two"

say 'What was copied before is there, and nothing is left open'
for claim in "${damaged[@]}"; do
	receipt weekly "$claim" 2026-46 '$.digest'
done | diff /run/lab/digests -
expect_copies 5
expect_no_leftovers
run_bkplan verify
expect_status 0

say 'They are due still, they alone'
plan --detailed-exitcode
expect_status 2
expect_line 'Plan: 0 to create, 0 to prune, 0 to sync, 4 to refresh'
