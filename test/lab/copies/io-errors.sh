# First the disk of the volumes cannot read one file, then the backup disk cannot write.
# A volume that could not be read whole has no new version; a version that was
# there stays; and when the disk is mended the next run needs no help.
source /mnt/lab/lib.sh
use_policy night snapshots weekly
need flakey

say 'Two volumes, and a file of one that cannot be read'
pool_create pve data 2G
backup_disk
for claim in forgejo/data nextcloud/data; do
	pvc "$claim"
	fs "$claim" ext4
	write_some "$claim" folder/one 400
	write_some "$claim" folder/two 400
done
unreadable nextcloud/data folder/two
cluster_up
apply
expect_status 1
expect_line folder/two
expect_receipt weekly forgejo/data 2026-46
expect_no_receipt weekly nextcloud/data 2026-46
[[ ! -e $(version_of nextcloud/data 2026-46) ]] || fail 'half a version counts as one'
expect_no_leftovers

say 'Readable again'
readable_again
apply
expect_status 0
expect_no_changes
expect_copies 2

say 'The next day the backup disk cannot be written to, from the middle of a copy on'
clock '20261117 12:00'
write_some nextcloud/data folder/three 60000
apply_in_background
until_copying 5000
flaky on
until_ended
expect_status 1
expect_line nextcloud/data

say 'With another cable: what has a receipt is whole'
flaky off
umount "$backup"
quietly e2fsck -fp "$(disk_of backup)" || (($? == 1)) || fail 'the backup disk cannot be repaired'
backup_disk
expect_copies
for claim in forgejo/data nextcloud/data; do
	expect_receipt weekly "$claim" 2026-46
done

say 'And the next run finishes the work'
apply
expect_status 0
expect_no_changes
expect_copies 2
expect_no_leftovers
cmp "$live/nextcloud/data/folder/three" "$(version_of nextcloud/data 2026-46)/folder/three"
