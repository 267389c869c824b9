# The unit is stopped in mid-copy: nothing is left mounted, mapped or half done, the
# record says so, and the next run carries on.
source /mnt/lab/lib.sh
use_policy night snapshots weekly
need crypt

claims=(forgejo/data nextcloud/data vault/secret)

pool_create pve data 2G
backup_disk
for claim in "${claims[@]}"; do
	pvc "$claim"
done
fs forgejo/data ext4
fs nextcloud/data ext4
fs vault/secret ext4 luks
for claim in "${claims[@]}"; do
	write_some "$claim" one 20000
done
cluster_up

say 'Three volumes, two at a time; SIGTERM in the middle of the first'
apply_in_background
until_copying 1000
kill -TERM "$bkplan_pid"
until_ended
expect_status 1
expect_line canceled
expect_no_leftovers
expect_copies

say 'The record knows'
run_bkplan runs show
expect_line interrupted

say 'The next run carries on'
apply
expect_status 0
expect_no_changes
expect_copies 3
expect_no_leftovers
