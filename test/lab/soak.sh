# Night after night the power goes at a random point of an apply: at each boot what has
# a receipt is proven, the next apply converges, and is proven again. `soak` plays it.
source /mnt/lab/lib.sh
use_policy night snapshots weekly sqlite
need crypt
cuts=$((BOOTS - 1))
RANDOM=$((SEED + BOOT))

claims=(forgejo/data media/btrfs vault/secret)

# night N puts the clock forward: each boot begins on the same day.
night() { clock "$(TZ=UTC0 date -d "2026-11-16 +$1 days" +%Y%m%d) 12:$2"; }

# change writes to each volume, or, after the first night, to about two of three.
change() {
	local claim
	for claim in "${claims[@]}"; do
		((BOOT == 1 || RANDOM % 3)) || continue
		write_some "$claim" "folder-$((RANDOM % 5))/file" $((RANDOM % 6000 + 2000)) # a tenth of what was there would be held
		[[ $claim != forgejo/data ]] ||
			sqlite3 "$live/$claim/app.sqlite" 'CREATE TABLE IF NOT EXISTS note (text); INSERT INTO note VALUES (hex(randomblob(3000)))'
		unmounted "$claim"
	done
}

# converges proves what there is, lets the next run do what is left, and proves that.
converges() {
	expect_copies
	apply
	expect_status 0
	expect_no_changes
	expect_no_leftovers
	expect_copies
	expect_verified
}

if [[ $BOOT == 1 ]]; then
	say "Three volumes; seed $SEED, $cuts power cuts"
	pool_create pve data 2G
	backup_disk
	for claim in "${claims[@]}"; do
		pvc "$claim"
	done
	fs forgejo/data ext4
	fs media/btrfs btrfs
	fs vault/secret ext4 luks
	change
	cluster_up
	night 0 00
	started=$SECONDS
	apply
	expect_status 0
	echo $((SECONDS - started)) >"$notes/seconds"
	expect_copies 3
else
	say "The power is back: $((BOOT - 1)) of $cuts"
	pool_wake
	backup_disk
	cluster_up
	night $((BOOT - 1)) 30
	converges
fi

if ((BOOT <= cuts)); then
	night "$BOOT" 00
	change
	point=$((RANDOM % ($(<"$notes/seconds") * 10 + 10)))
	say "Night $BOOT: the power goes $((point / 10)).$((point % 10)) s after the beginning"
	apply_in_background
	sleep "$((point / 10)).$((point % 10))"
	power_cut
fi
