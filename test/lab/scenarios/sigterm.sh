# The unit is stopped in the middle of an apply: what is under way is brought to its
# end, the rest is left, the record says so, and the next run carries on.
source /mnt/lab/lib.sh

claims=(vault/data-vault-{0..2} redis/redis-data-{0..2} servarr/config-{0..3})

pool_create pve data 1G
for claim in "${claims[@]}"; do
	pvc "$claim"
done
cluster_up

say 'Ten volumes; SIGTERM after the third snapshot'
apply_in_background
until_snapshots 3
kill -TERM "$bkplan_pid"
until_ended
expect_status 1
expect_line canceled
expect_no_line failed
made=$(snapshots | wc -l)
echo "$made of ${#claims[@]} snapshots were made"
((made >= 3 && made < ${#claims[@]})) || fail 'it did not stop in the middle'

say 'The record knows'
run_bkplan runs show
expect_line interrupted
expect_line canceled
[[ $(grep -c '^  done ' "$out") == "$made" ]] || fail "the record does not have the $made snapshots"
[[ $(grep -c '^  canceled ' "$out") == "$((${#claims[@]} - made))" ]] || fail 'the record does not have the rest'

say 'The next run carries on'
apply
expect_status 0
expect_no_changes
for claim in "${claims[@]}"; do
	expect_snapshots 1 "$claim"
done
