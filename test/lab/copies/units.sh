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

# expect_metric NAME LAYER COUNT expects a metric of the first volume in a layer.
expect_metric() {
	local value
	value=$(sed -n "s|^$1{layer=\"$2\",volume=\"forgejo/data\"} ||p" "$metrics")
	[[ $value == "$3" ]] || fail "$1 of $2 is ${value:-not there}, want $3"
}

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
expect_metric bkplan_volume_versions snapshots "$kept"
expect_metric bkplan_volume_versions weekly 4
expect_metric bkplan_volume_versions offsite 4
newest=$(find "$backup/pvc-data" -mindepth 1 -maxdepth 1 | sort | tail -n 1)/forgejo/data
expect_metric bkplan_volume_files weekly "$(find "$newest" ! -type d | wc -l)"
grep -qx 'bkplan_last_run_success 1' "$metrics" || fail 'the last run is not called a success'
! grep '^bkplan_layer_last_run_success.* 0$' "$metrics" || fail 'a layer is said to have failed'

say 'A timer that elapses once more finds nothing to do'
timer_fires "${layers[@]}"
expect_status 0
expect_line 'No changes'
