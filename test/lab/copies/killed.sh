# An apply is killed in mid-copy, and on the next night the power goes. Plan shows what
# is to be cleaned up, apply cleans and carries on, and whatever has a receipt is what
# its snapshot holds, at any time.
source /mnt/lab/lib.sh
use_policy night snapshots weekly
need crypt
RANDOM=$SEED
echo "seed $SEED"

claims=(forgejo/data vault/secret)

# converges: the next run needs no help.
converges() {
	expect_copies
	plan
	expect_line 'to clean'
	apply
	expect_status 0
	expect_no_changes
	expect_no_leftovers
	expect_copies 2
	expect_verified
}

if [[ $BOOT == 1 ]]; then
	say 'Two volumes, one of them encrypted'
	pool_create pve data 2G
	backup_disk
	pvc forgejo/data
	fs forgejo/data ext4
	pvc vault/secret
	fs vault/secret ext4 luks
	for claim in "${claims[@]}"; do
		write_some "$claim" one 30000
	done
	cluster_up

	say 'Killed in mid-copy'
	apply_in_background
	until_copying $((RANDOM % 20000))
	kill_apply
	expect_status 137
	converges

	say 'The power goes in the next night'
	clock '20261117 12:00'
	for claim in "${claims[@]}"; do
		write_some "$claim" two 30000
		unmounted "$claim"
	done
	apply_in_background
	until_copying $((RANDOM % 20000))
	power_cut
fi

say 'The power is back'
pool_wake
backup_disk
clock '20261117 13:00'
cluster_up
converges
for claim in "${claims[@]}"; do
	[[ -s $(version_of "$claim" 2026-46)/two ]] || fail "the new file of $claim is not there"
done
