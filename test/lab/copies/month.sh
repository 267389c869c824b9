# A month with a NAS: it is away for three days, a first Sunday comes, the fifth week
# prunes over there; in the end it is what the receipts say. Of the later weeks only
# their first nights are played, for a night takes half a minute here.
source /mnt/lab/lib.sh
use_policy night snapshots weekly
use_offsite

# night DATE lets a volume change a little, then runs what the timers would.
night() {
	clock "$1 12:00"
	write_some forgejo/data "day/$1" 40
	unmounted forgejo/data
	mkdir "/run/lab/nfs/photos/$1"
	echo "$1" >"/run/lab/nfs/photos/$1/picture"
	mv "/run/lab/nfs/photos/last" "/run/lab/nfs/photos/before-$1"
	echo "$1" >"/run/lab/nfs/photos/last"
	apply --acknowledge-prunes snapshots
}

# day N is the Nth day after the first.
day() { TZ=UTC0 date -d "2026-11-16 +$1 days" +%Y%m%d; }

say 'Two volumes, shared files, an empty backup disk and an empty NAS'
pool_create pve data 2G
backup_disk
nas_up
mkdir -p /run/lab/nfs/photos "$backup/by-hand"
echo one | tee /run/lab/nfs/photos/{one,last} >/dev/null
bkplan watch >/run/lab/watch.log 2>&1 &
echo kept >"$backup/by-hand/note"
for claim in forgejo/data vaultwarden/data; do
	pvc "$claim"
	fs "$claim" ext4
	write_some "$claim" attachments/one 6000
	unmounted "$claim"
done
cluster_up

say 'The first night fills the NAS'
plan
expect_line 'Plan: 6 to create, 0 to prune, 2 to sync'
night 20261116
expect_status 0
expect_no_changes
expect_nas_like_disk

say 'The NAS is away for three days: the local copies go on'
nas_away
for n in 1 2 3; do
	night "$(day "$n")"
	expect_status 1
	expect_versions 1 forgejo/data
done
nas_up

say 'It is back, by a long and lossy way, and gets what it missed'
nas_far
night "$(day 4)"
nas_near
expect_status 0
expect_line 'by the change journal'
expect_nas_like_disk
expect_no_changes

say 'Nights go by, a first Sunday among them'
for n in 5 6 7 14 20 21 27; do
	night "$(day "$n")"
	expect_status 0
	if [[ $(day "$n") == 20261206 ]]; then
		expect_line 'everything is compared'
	else
		expect_line 'by the change journal'
	fi
done
expect_nas_versions 4 forgejo/data
expect_nas_like_disk

say 'With the fifth week the first one goes, over there as well'
clock "$(day 28) 12:00"
plan
expect_line '- prune 2 versions not among the last 4 made 2026-11-22'
night "$(day 28)"
expect_status 0
expect_no_changes
expect_nas_versions 4 forgejo/data
[[ ! -e $(nas_version forgejo/data 2026-46) ]] || fail 'the first week is still on the NAS'
expect_nas_like_disk

say 'The disk is what its receipts say, and the NAS has the same'
expect_verified

say 'Four weeks take little more than one'
du -sk "$nas_share/pve-backup/pvc-data" "$nas_share/pve-backup/pvc-data/2026-50"
all=$(du -sk "$nas_share/pve-backup/pvc-data" | cut -f1)
one=$(du -sk "$nas_share/pve-backup/pvc-data/2026-50" | cut -f1)
((all < one + one / 4)) || fail "four weeks take $all KiB, and one $one KiB"
diff -r /run/lab/nfs "$nas_share/nfs"
