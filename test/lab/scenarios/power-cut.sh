# The power goes in the middle of an apply. After the next boot on the same disks
# apply carries on where it stopped: nothing twice, nothing missing.
source /mnt/lab/lib.sh

claims=(vault/data-vault-{0..2} redis/redis-data-{0..2} servarr/config-{0..13})

if [[ $BOOT == 1 ]]; then
	say 'Twenty volumes, and the power goes after the tenth snapshot'
	pool_create pve data 1G
	for claim in "${claims[@]}"; do
		pvc "$claim"
	done
	cluster_up
	power_cut_after 10 &
	apply
	fail 'apply ended before the power went'
fi

say 'The power is back'
pool_wake
made=$(snapshots | wc -l)
echo "$made of ${#claims[@]} snapshots were made"
((made >= 10 && made < ${#claims[@]})) || fail 'the power did not go in the middle'
expect_pool_healthy

say 'Apply carries on where it stopped'
cluster_up
plan
expect_line "Plan: $((${#claims[@]} - made)) to create, 0 to prune"
apply
expect_status 0
expect_no_changes
for claim in "${claims[@]}"; do
	expect_snapshots 1 "$claim"
done
