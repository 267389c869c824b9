# backup.sh - the backup disk, and proofs about the copies on it.
#
#   backup_disk [ext4|btrfs|xfs] [SIZE]   made once, mounted at /mnt/backup
#   flaky on|dead|off                     the backup disk fails to write, or at all
#   version_of NS/CLAIM VERSION           prints the folder of a version
#   receipt LAYER VOLUME VERSION FIELD    prints a field of its receipt, "$.files"
#   expect_receipt, expect_no_receipt LAYER VOLUME VERSION
#   expect_copy NS/CLAIM VERSION          the same as its snapshot, file by file
#   expect_same_files FOLDER COPY
#   expect_copies [COUNT]                 all versions that have a receipt are
#   expect_verified                       all are what their receipts say, databases too
#   expect_database NS/CLAIM VERSION FILE [ROWS]
#   expect_versions COUNT NS/CLAIM, expect_linked A B, expect_own A B
#   expect_no_leftovers
#   until_copying [KIB], kill_apply, kill_apply_after SECONDS, power_cut

backup=/mnt/backup
receipts=$backup/.bkplan/receipts
work=$backup/.bkplan/work

# backup_disk makes the file system when the disk is empty: it outlives a power cut.
backup_disk() {
	local disk
	disk=$(disk_of backup)
	blkid -p "$disk" >/dev/null || make_fs "${1:-ext4}" "$disk" "${2-}"
	mount "$disk" "$backup"
}

# flaky swaps what is below the mounted disk: `need flakey` has put it there.
flaky() {
	local size
	size=$(sectors_of /dev/ubdd)
	case $1 in
	on) echo "0 $size flakey /dev/ubdd 0 0 3600 1 error_writes" ;;
	dead) echo "0 $size error" ;;
	off) echo "0 $size linear /dev/ubdd 0" ;;
	esac | swap_table lab-backup
}

# --- receipts ----------------------------------------------------------------

# all_receipts prints layer, volume, version, folder and snapshot of each.
all_receipts() {
	[[ -d $receipts ]] || return 0
	sqlite3 -batch -separator $'\t' :memory: "
		WITH receipt(r) AS (
			SELECT CAST(data AS TEXT) -> '$.receipt' FROM fsdir('$receipts') WHERE (mode & 61440) = 32768
		)
		SELECT r ->> '\$.layer', r ->> '\$.volume', r ->> '\$.version', r ->> '\$.path',
			coalesce(r ->> '\$.source.snapshot.name', '-')
		FROM receipt ORDER BY 1, 3, 2"
}

receipt() {
	[[ -d $receipts ]] || return 0
	sqlite3 -batch :memory: "
		WITH receipt(r) AS (
			SELECT CAST(data AS TEXT) -> '$.receipt' FROM fsdir('$receipts') WHERE (mode & 61440) = 32768
		)
		SELECT r ->> '$4' FROM receipt
		WHERE r ->> '\$.layer' = '$1' AND r ->> '\$.volume' = '$2' AND r ->> '\$.version' = '$3'"
}

expect_receipt() { [[ -n $(receipt "$1" "$2" "$3" '$.digest') ]] || fail "no receipt of $1 for $2, $3"; }

expect_no_receipt() { [[ -z $(receipt "$1" "$2" "$3" '$.digest') ]] || fail "a receipt of $1 for $2, $3"; }

version_of() { echo "$backup/pvc-data/$2/$1"; }

# expect_versions counts the versions of a volume's files.
expect_versions() {
	local count
	count=$(find "$backup/pvc-data" -mindepth 3 -maxdepth 3 -path "*/$2" | wc -l)
	[[ $count == "$1" ]] || fail "$count versions of $2, want $1"
}

# --- the same as the snapshot ------------------------------------------------

# opened SNAPSHOT mounts a throw-away clone at /run/lab/proof, with its journal
# replayed; closed takes it away. A btrfs must not be mounted live meanwhile: the
# kernel knows it by its id.
opened() {
	local device=/dev/$vg/lab-proof options=noatime
	quietly lvcreate -s -kn -n lab-proof "$vg/$1"
	if cryptsetup isLuks "$device"; then
		unlock "$device" lab-proof
		device=/dev/mapper/lab-proof
	fi
	case $(blkid -p -s TYPE -o value "$device") in
	xfs) options+=,nouuid ;;
	btrfs) quietly btrfs device scan --forget ;;
	esac
	mkdir -p /run/lab/proof
	mount -o "$options" "$device" /run/lab/proof
}

closed() {
	umount /run/lab/proof
	[[ ! -e /dev/mapper/lab-proof ]] || quietly cryptsetup close lab-proof
	quietly lvremove -y "$vg/lab-proof"
}

expect_copy() {
	local snapshot
	snapshot=$(receipt weekly "$1" "$2" '$.source.snapshot.name')
	[[ -n $snapshot ]] || fail "no receipt for $1, $2"
	expect_same_tree "$snapshot" "$(version_of "$1" "$2")"
}

# expect_same_tree SNAPSHOT FOLDER compares names, kinds, contents, owners, rights,
# times, ACLs, attributes, and which names are one file.
expect_same_tree() {
	opened "$1"
	expect_same_files /run/lab/proof "$2"
	inodes /run/lab/proof >/run/lab/inodes
	inodes "$2" | diff /run/lab/inodes - || fail "$2 is not linked like $1"
	closed
}

# expect_same_files FOLDER COPY is its half without links and holes.
expect_same_files() {
	rsync -anHAXc --numeric-ids --delete --itemize-changes "$1/" "$2/" >/run/lab/differences
	[[ ! -s /run/lab/differences ]] || fail "$2 is not what is in $1: $(</run/lab/differences)"
}

# inodes FOLDER prints the names that are one file, and those with holes.
inodes() {
	(cd "$1" && find . ! -type d -printf '%i %b %s %P\0') | perl -0 -ne '
		chomp;
		my ($inode, $blocks, $size, $name) = split / /, $_, 4;
		push @{$names{$inode}}, $name;
		push @sparse, $name if $size > 1 << 20 && $blocks * 512 < $size / 2;
		END {
			print "one file: $_\n" for sort map { join " = ", sort @$_ } grep { @$_ > 1 } values %names;
			print "holes: $_\n" for sort @sparse;
		}'
}

# expect_copies proves every version of files that has a receipt, whose snapshot is
# still there; there must be COUNT of them, if told.
expect_copies() {
	local layer volume version path snapshot proven=0
	all_receipts >/run/lab/receipts
	while IFS=$'\t' read -r layer volume version path snapshot; do
		if [[ $layer == weekly ]] && quietly lvs "$vg/$snapshot" 2>/dev/null; then
			expect_same_tree "$snapshot" "$backup/$path"
			proven=$((proven + 1))
		fi
	done </run/lab/receipts
	echo "$proven versions are the same as their snapshots"
	[[ $proven == "${1:-$proven}" ]] || fail "$proven versions have a receipt, want $1"
}

# expect_verified proves those of every layer, also where the snapshot is gone by now.
expect_verified() {
	guarded run_bkplan verify --data
	expect_status 0
}

# expect_database compares the copy of a database with the snapshot's, its WAL
# replayed; it has ROWS at least, and each that came before them. The copy is opened
# as one that nobody changes, since to look at one in WAL mode writes beside it.
expect_database() {
	local snapshot copy=$backup/sqlite-backup/$2/$1/$3 rows
	snapshot=$(receipt sqlite "$1" "$2" '$.source.snapshot.name')
	[[ -n $snapshot ]] || fail "no receipt for the databases of $1, $2"
	[[ ! -e $copy-wal && ! -e $copy-journal ]] || fail "$copy is not closed"
	copy="file:$copy?immutable=1"
	[[ $(sqlite3 -batch "$copy" 'PRAGMA integrity_check') == ok ]] || fail "$copy is damaged"
	opened "$snapshot"
	sqlite3 -batch "/run/lab/proof/$3" .dump >/run/lab/dump
	closed
	sqlite3 -batch "$copy" .dump | cmp /run/lab/dump - || fail "$copy is not what is in $snapshot"
	rows=$(rows_of "$copy")
	((rows >= ${4:-0})) || fail "$copy has $rows rows, and $4 were committed before"
}

# --- other expectations ------------------------------------------------------

expect_linked() { [[ $(stat -c %d:%i -- "$1") == "$(stat -c %d:%i -- "$2")" ]] || fail "$1 is not linked to $2"; }

expect_own() { [[ $(stat -c %d:%i -- "$1") != "$(stat -c %d:%i -- "$2")" ]] || fail "$1 is linked to $2"; }

# expect_no_leftovers: nothing that a run opens or builds is left.
expect_no_leftovers() {
	local found
	found=$(
		findmnt -rn -o TARGET | grep -e "^/var/lib/bkplan/" || true
		dmsetup ls | grep -e 'bkplan--\?[0-9a-f]' || true
		lvs --noheadings -o lv_name,lv_active -S 'lv_name=~^bkplan- || (lv_name=~_snap_ && lv_active=active)' "$vg"
		find "$work" -mindepth 1 -maxdepth 1 2>/dev/null || true
	)
	[[ -z $found ]] || fail "left over: $found"
}

# --- misfortune --------------------------------------------------------------

# until_copying waits until apply has put so much into the work folder.
until_copying() {
	local amount=0
	while ((amount <= ${1:-0})); do
		kill -0 "$bkplan_pid" 2>/dev/null || { cat /run/lab/background; fail 'apply has ended'; }
		amount=$(du -sk "$work" 2>/dev/null | cut -f1) || true
		amount=$((${amount:-0} - 4))
	done
}

# kill_apply_after SECONDS starts an apply and kills it, with all that it started,
# as the kernel does that is out of memory in the unit's cgroup.
kill_apply_after() {
	apply_in_background
	sleep "$1"
	kill_apply
}

kill_apply() {
	local child
	kill -STOP "$bkplan_pid" 2>/dev/null || true
	for child in $(ps -o pid= --ppid "$bkplan_pid"); do
		kill -KILL -- "-$child" 2>/dev/null || true # each has a session of its own
	done
	kill -KILL "$bkplan_pid" 2>/dev/null || true
	until_ended
}

# power_cut pulls the plug now; the scenario starts again with $BOOT one higher.
power_cut() {
	sync "$notes"/*
	echo power-cut >/dev/tty2
	sleep 60
}
