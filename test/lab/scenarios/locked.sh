# Two runs at the same time: the second says who holds the lock, or waits. A run that
# was killed holds nothing.
source /mnt/lab/lib.sh

claims=(vault/data-vault-0 forgejo/forgejo-data freshrss/freshrss-data headscale/headscale-data)

# halfway starts an apply and stops its clock after COUNT snapshots.
halfway() {
	apply_in_background
	until_snapshots "$1"
	kill -STOP "$bkplan_pid"
}

pool_create pve data 1G
for claim in "${claims[@]}"; do
	pvc "$claim"
done
cluster_up

say 'While one runs, another says who holds the lock'
halfway 1
apply
expect_status 1
expect_line "pid $bkplan_pid, \"bkplan apply --auto-approve\", since 2026-11-16"
expect_line --lock-timeout

say 'It waits as long as it is told'
apply --lock-timeout 2s
expect_status 1
expect_line "pid $bkplan_pid"

say 'It looks and plans without the lock'
plan
expect_status 0

say 'It has its turn when the first is through, with nothing left to do'
{ sleep 1; kill -CONT "$bkplan_pid"; } &
apply --lock-timeout 2m
expect_status 0
expect_line 'No changes'
until_ended
expect_status 0
expect_snapshots 4

say 'The day after, the holder is killed: the next run needs no help'
clock '20261117 12:00'
halfway 5
kill -KILL "$bkplan_pid"
until_ended
expect_status 137
apply
expect_status 0
expect_no_changes
expect_snapshots 8
run_bkplan runs
expect_line killed
