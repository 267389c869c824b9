# A month of nights, each layer at its slot by the command line of its own unit: nobody
# acknowledges anything. The NAS is away for three nights; then only what needs it
# fails. In the end disk and NAS are what their receipts say, and the metrics tell it.
source /mnt/lab/lib.sh
use_policy night snapshots weekly
use_offsite
metrics=/run/lab/metrics/bkplan.prom
mkdir "${metrics%/*}"
printf 'metrics {\n  textfile { path = "%s" }\n}\n' "$metrics" >>"$BKPLAN_POLICY"

layers=(snapshots weekly offsite nfs)

# day N is the Nth day after the first.
day() { TZ=UTC0 date -d "2026-11-17 +$1 days" +%Y%m%d; }

# night N lets a volume and a tree change a little, then the timers elapse.
night() {
	local date
	date=$(day "$1")
	until_slot "$date" 02:00
	write_some forgejo/data "day/$date" 10
	unmounted forgejo/data
	echo "$date" >/run/lab/nfs/photos/last
	echo "$date" >"/run/lab/nfs/photos/$date"
	night_of "$date" "${layers[@]}"
}

# expect_metric NAME LABELS NUMBER
expect_metric() {
	local value
	value=$(sed -n "s|^bkplan_$1{$2} ||p" "$metrics")
	awk -v got="${value:-none}" -v want="$3" 'BEGIN { exit got == "none" || (got - want) ^ 2 > 1e-6 }' ||
		fail "$1 of $2 is ${value:-not there}, want $3"
}

# expect_metrics_of NS/CLAIM holds the metrics of a volume against the pool, the disk, its
# receipts and the NAS.
expect_metrics_of() {
	local weekly="layer=\"weekly\",volume=\"$1\"" versions newest
	mapfile -t versions < <(cd "$backup/pvc-data" && find . -mindepth 3 -maxdepth 3 -path "*/$1" | cut -d / -f 2 | sort)
	newest=${versions[-1]}
	expect_metric volume_versions "layer=\"snapshots\",volume=\"$1\"" "$(snapshots "$1" | wc -l)"
	expect_metric volume_versions "$weekly" ${#versions[@]}
	expect_metric volume_versions "layer=\"offsite\",volume=\"$1\"" "$(find "$nas_share/pve-backup/pvc-data" -mindepth 3 -maxdepth 3 -path "*/$1" | wc -l)"
	expect_metric volume_files "$weekly" "$(find "$(version_of "$1" "$newest")" ! -type d | wc -l)"
	expect_metric volume_bytes "$weekly" "$(find "$(version_of "$1" "$newest")" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')"
	expect_metric volume_last_success_timestamp_seconds "$weekly" "$(taken "$1" "$newest")"
	expect_metric volume_oldest_version_timestamp_seconds "$weekly" "$(taken "$1" "${versions[0]}")"
}

# taken prints when the snapshot was made from which a version was copied.
taken() { date -d "$(receipt weekly "$1" "$2" '$.source.taken')" +%s; }

# room FOLDER FIELD prints what df says of a file system, in bytes.
room() { df -B 1 --output="$2" "$1" | tail -n 1 | tr -d ' '; }

say 'Two volumes, shared files, an empty backup disk and an empty NAS'
pool_create pve data 2G
backup_disk
nas_up
mkdir -p /run/lab/nfs/photos
bkplan watch >/run/lab/watch.log 2>&1 &
for claim in forgejo/data vaultwarden/data; do
	pvc "$claim"
	fs "$claim" ext4
	write_some "$claim" attachments/one 200
	unmounted "$claim"
done
cluster_up

say 'A month of nights'
for n in {0..29}; do
	case $n in
	10) nas_away ;;
	13) nas_up ;;
	esac
	night "$n"
	if ((n >= 10 && n < 13)); then
		expect_status 1
		timer_fires snapshots weekly
		expect_status 0
		continue
	fi
	expect_status 0
	[[ $(day "$n") == 20261117 || $(day "$n") == 20261206 ]] || expect_line 'by the change journal'
done

say 'All of it is as it should be'
expect_no_changes
expect_no_leftovers
kept=$(snapshots forgejo/data | wc -l)
((kept == 7 || kept == 8)) || fail "$kept snapshots, want a week of them"
expect_versions 4 forgejo/data
expect_nas_versions 4 forgejo/data
expect_copies
expect_nas_like_disk
diff -r /run/lab/nfs "$nas_share/nfs"

say 'What Prometheus hears is what is there'
expect_metrics_of forgejo/data
expect_metrics_of vaultwarden/data
for disk in "sda $backup" "synology $nas_share"; do
	expect_metric destination_size_bytes "destination=\"${disk% *}\"" "$(room "${disk#* }" size)"
	expect_metric destination_free_bytes "destination=\"${disk% *}\"" "$(room "${disk#* }" avail)"
done
expect_metric pool_data_used_ratio "pool=\"$vg/data\"" "$(lvs --noheadings -o data_percent "$vg/data" | awk '{ print $1 / 100 }')"
grep -qx 'bkplan_last_run_success 1' "$metrics" || fail 'the last run is not called a success'
! grep '^bkplan_layer_last_run_success.* 0$' "$metrics" || fail 'a layer is said to have failed'

say 'A timer that elapses once more finds nothing to do'
timer_fires "${layers[@]}"
expect_status 0
expect_line 'No changes'
