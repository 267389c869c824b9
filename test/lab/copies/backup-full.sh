# The backup disk fills up in mid-copy. The volume that does not fit keeps its last
# version, the other one gets its own, nothing half is left, and the run is not green.
source /mnt/lab/lib.sh
use_policy night snapshots weekly

say 'Two volumes fit'
pool_create pve data 2G
backup_disk ext4 80M
for claim in forgejo/data nextcloud/data; do
	pvc "$claim"
	fs "$claim" ext4
	write_some "$claim" one 2000
done
cluster_up
apply
expect_status 0

say 'The next day one has grown beyond the disk'
clock '20261117 12:00'
write_some nextcloud/data large 120000
before=$(receipt weekly nextcloud/data 2026-46 '$.digest')
apply
expect_status 1
expect_line nextcloud/data
expect_line 'destination "/mnt/backup" is full'
expect_no_leftovers

say 'What was there is there, and whole'
[[ $(receipt weekly nextcloud/data 2026-46 '$.digest') == "$before" ]] || fail 'the last version is another one'
expect_versions 1 nextcloud/data
expect_copies 2
(($(df --output=pcent "$backup" | tail -n 1 | tr -dc 0-9) < 50)) || fail 'the disk is still full'

say 'It is still due, it alone'
plan --detailed-exitcode
expect_status 2
expect_line 'Plan: 0 to create, 0 to prune, 0 to sync, 1 to refresh'

say 'When it fits again it is copied'
rm "$live/nextcloud/data/large"
write_some nextcloud/data two 2000
clock '20261118 12:00'
apply
expect_status 0
expect_no_changes
expect_copies 2
[[ -s $(version_of nextcloud/data 2026-46)/two ]] || fail 'the new file is not there'
