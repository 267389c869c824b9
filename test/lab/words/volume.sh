# volume.sh - what lies on the volumes: file systems, files, a database in use.
#
#   need crypt|flakey|fuse|nfs…        loads what of the kernel a story needs; before pool_create
#   fs NS/CLAIM ext4|btrfs|xfs [luks]
#   mounted NS/CLAIM               mounts the live volume, and prints where
#   unmounted NS/CLAIM
#   unplugged NS/CLAIM             its machine dies: the journal is left as it is
#   write_some NS/CLAIM FILE [KIB] random bytes into a file of the volume
#   write_zoo NS/CLAIM             everything that a file system can hold
#   sqlite_writer NS/CLAIM FILE    a program that writes to a database, and goes on
#   end_sqlite_writer, rows_of FILE
#   unreadable NS/CLAIM FILE       the disk cannot read that file any more; readable again
#
# A live volume is mounted through a mapping of its own, as a virtual machine would
# have it: LVM cannot freeze the file system, and a snapshot has an unclean journal.

live=/run/lab/live
luks_key=/root/.luks-backup-key

need() {
	local feature modules=()
	for feature in "$@"; do
		case $feature in
		crypt) modules+=(cbc xts hmac ecb essiv algif_skcipher algif_hash encrypted-keys dm-crypt) ;;
		flakey) modules+=(dm-flakey) ;;
		fuse) modules+=(fuse) ;;
		nfs) modules+=(nfsd nfsv4) ;;
		*) fail "nobody knows how to load $feature" ;;
		esac
	done
	load_modules "${modules[@]}" # at once: each call costs as much as ten modules
	for feature in "$@"; do
		case $feature in
		crypt) make_luks_key ;;
		flakey) put_below pool /dev/ubdb; put_below backup /dev/ubdd ;;
		esac
	done
}

# load_modules loads modules; one that is built in is there.
load_modules() { quietly modprobe -d /run/modules -a "$@"; }

# make_luks_key makes the key once, and puts it back after a power cut.
make_luks_key() {
	[[ -e $notes/luks-key ]] || head -c 64 /dev/urandom >"$notes/luks-key"
	install -m 600 "$notes/luks-key" "$luks_key"
}

# put_below NAME DEVICE puts a mapping between a disk and who uses it, so that its
# table can be changed below them. LVM is told to look at the mapping alone.
put_below() {
	map_whole "lab-$1" "$2"
	[[ $1 != pool ]] || sed -i 's|devices {|& filter=["r,^/dev/ubdb$,"]|' "$LVM_SYSTEM_DIR/lvm.conf"
}

# map_whole NAME DEVICE makes a device that is another one, under a new name.
map_whole() { quietly dmsetup create "$1" --table "0 $(sectors_of "$2") linear $2 0"; }

sectors_of() { blockdev --getsz "$1"; }

# disk_of pool|backup prints the disk, or the mapping that is put before it.
disk_of() {
	if [[ -e /dev/mapper/lab-$1 ]]; then
		echo "/dev/mapper/lab-$1"
	elif [[ $1 == pool ]]; then
		echo /dev/ubdb
	else
		echo /dev/ubdd
	fi
}

# --- file systems ------------------------------------------------------------

# below NS/CLAIM prints the name of the mapping that the live volume is used through.
below() { echo "live-${1//\//-}"; }

fs() {
	local device
	device=/dev/$vg/$(lv_of "$1")
	if [[ ${3-} == luks ]]; then
		quietly cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 \
			--pbkdf-force-iterations 1000 --key-file "$luks_key" "$device"
		unlock "$device" lab-mkfs
		make_fs "$2" /dev/mapper/lab-mkfs
		quietly cryptsetup close lab-mkfs
	else
		make_fs "$2" "$device"
	fi
}

unlock() { quietly cryptsetup open --type luks --key-file "$luks_key" "$1" "$2"; }

# make_fs TYPE DEVICE [SIZE]
make_fs() {
	local options=()
	case $1 in
	ext4) quietly mke2fs -q -F -t ext4 "$2" ${3:+"$3"} ;;
	btrfs) quietly mkfs.btrfs -q -f ${3:+--byte-count "$3"} "$2" ;;
	xfs) quietly mkfs.xfs -q -f ${3:+-d "size=$3"} "$2" ;;
	*) fail "the lab makes no $1" ;;
	esac
}

mounted() {
	local device where=$live/$1
	if ! mountpoint -q "$where"; then
		device=/dev/$vg/$(lv_of "$1")
		mkdir -p "$where"
		if cryptsetup isLuks "$device"; then
			unlock "$device" "$(below "$1")"
		else
			map_whole "$(below "$1")" "$device"
		fi
		mount "/dev/mapper/$(below "$1")" "$where"
	fi
	echo "$where"
}

unmounted() {
	umount "$live/$1"
	quietly dmsetup remove "$(below "$1")"
}

# unplugged cuts the disk off from whoever has it mounted.
unplugged() {
	local size
	size=$(sectors_of "/dev/mapper/$(below "$1")")
	echo "0 $size error" | swap_table "$(below "$1")"
	umount "$live/$1" 2>/dev/null || umount -l "$live/$1"
	quietly dmsetup remove --retry "$(below "$1")"
}

# --- files -------------------------------------------------------------------

write_some() {
	local root
	root=$(mounted "$1")
	mkdir -p "$(dirname "$root/$2")"
	dd if=/dev/urandom of="$root/$2" bs=1K count="${3:-16}" 2>/dev/null
	sync -f "$root/$2"
}

# write_zoo makes, below zoo: what a copy could lose or stumble over.
write_zoo() {
	local root
	root=$(mounted "$1")/zoo
	mkdir "$root"
	(
		cd "$root"
		zoo_links
		zoo_kinds
		zoo_rights
		zoo_names
		zoo_times
	)
	sync -f "$root"
}

zoo_links() {
	mkdir -p links/below
	echo once >links/first
	ln links/first links/below/second
	ln links/first links/third
	ln -s nowhere links/dangling
	ln links/dangling links/below/dangling-too
	ln -s /etc/passwd links/absolute
	ln -s ../../../../../../etc/shadow links/upwards
	ln -s . links/itself
	ln -s /mnt/backup links/to-the-backup
}

zoo_kinds() {
	mkdir -p kinds/empty-folder
	: >kinds/empty
	truncate -s 64M kinds/sparse
	printf end | dd of=kinds/sparse bs=1 seek=$((48 << 20)) conv=notrunc 2>/dev/null
	mkfifo kinds/fifo
	mknod kinds/null c 1 3
	mknod kinds/disk b 7 200
	perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die; bind($s, pack_sockaddr_un("kinds/socket")) or die'
}

zoo_rights() {
	mkdir -m 1777 rights rights/default-acl
	printf content | tee rights/{setuid,setgid,none,odd,acl,xattr} >/dev/null
	chown 12345:54321 rights/{setuid,setgid,none,odd}
	chmod 4755 rights/setuid
	chmod 2755 rights/setgid
	chmod 0641 rights/odd
	mkdir -m 0000 rights/closed
	setfacl -m u:4711:rw,g:4712:r rights/acl
	setfacl -d -m u:4711:rwx rights/default-acl
	setfattr -n user.comment -v 'a "comment"' rights/xattr
	setfattr -n user.binary -v 0x00ff0a00 rights/xattr
	setfattr -n trusted.overlay -v y rights/xattr
	setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 rights/setgid
	chmod 0000 rights/none
}

zoo_names() {
	local name names=(' ' '-rf' '--delete' '*' '$(touch owned)' '`touch owned`' '; touch owned' "it's" '"' '\'
		'#' '%Y' '{a,b}' '..x' '...' $'two\nlines' $'tab\t' $'bell\a' $'\xff\xfe not UTF-8' $'e\u0301'
		"$(printf 'x%.0s' {1..255})" .bkplan '.~tmp~' 'lost+found')
	mkdir names
	(cd names && mkdir -- "${names[@]}")
	for name in "${names[@]}"; do
		printf '%s' "$name" >"names/$name/$name"
	done
}

zoo_times() {
	mkdir times
	touch -d '2001-09-09 01:46:40.123456789 UTC' times/old
	touch -d '2037-12-31 23:59:59 UTC' times/future
	touch -d '1970-01-01 00:00:00 UTC' times/zero
	touch -h -d '2010-10-10 10:10:10 UTC' links/dangling
	touch -d '2005-05-05 05:05:05 UTC' times
}

# --- a database in use -------------------------------------------------------

# sqlite_writer adds rows, each in a transaction of its own, and keeps the database
# open in WAL mode. $writer is its process.
sqlite_writer() {
	local file
	file=$(mounted "$1")/$2
	mkdir -p "$(dirname "$file")"
	mkfifo /run/lab/statements
	sqlite3 -batch "$file" </run/lab/statements >/dev/null 2>/run/lab/writer.log &
	writer=$!
	{
		echo 'PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;'
		echo 'CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT);'
		while sleep 0.1; do
			echo 'INSERT INTO note (text) VALUES (hex(randomblob(300)));'
		done
	} >/run/lab/statements 2>/dev/null &
	feeder=$!
	until [[ $(rows_of "$file" 2>/dev/null) -gt 0 ]]; do
		kill -0 "$writer" 2>/dev/null || fail "the writer ended: $(</run/lab/writer.log)"
		sleep 0.1
	done
}

# end_sqlite_writer kills it: the database stays as it is, with its WAL.
end_sqlite_writer() {
	kill -KILL "$writer" "$feeder"
	wait "$writer" "$feeder" 2>/dev/null || true
	rm /run/lab/statements
}

# rows_of FILE counts the rows that are committed; a reader beside the writer.
rows_of() { sqlite3 -batch "$1" 'SELECT count(*) FROM note'; }

# --- a disk that cannot read -------------------------------------------------

# unreadable makes the sectors that hold the file fail, in the pool and all its
# snapshots; where they are is known to the file system, the pool and the LV.
unreadable() {
	local file block chunk sectors start data size
	file=$(mounted "$1")/$2
	block=$(filefrag -v -b512 "$file" | awk '$1 == "0:" { sub(/\.\..*/, "", $4); print $4 }')
	[[ -n $block ]] || fail "$file has no place on the disk"
	read -r _ _ _ _ _ sectors _ < <(dmsetup table "$vg-$pool-tpool")
	chunk=$(chunk_of "$1" $((block / sectors)))
	read -r _ _ _ _ data < <(dmsetup table "$vg-${pool}_tdata")
	start=$((data + chunk * sectors))
	size=$(sectors_of /dev/ubdb)
	swap_table lab-pool <<-TABLE
		0 $start linear /dev/ubdb 0
		$start $sectors error
		$((start + sectors)) $((size - start - sectors)) linear /dev/ubdb $((start + sectors))
	TABLE
}

# chunk_of NS/CLAIM CHUNK prints where in the pool a chunk of the volume lies.
chunk_of() {
	local id
	id=$(lvs --noheadings -o thin_id "$vg/$(lv_of "$1")")
	quietly dmsetup message "$vg-$pool-tpool" 0 reserve_metadata_snap
	thin_dump --metadata-snap --dev-id "${id// /}" "/dev/mapper/$vg-${pool}_tmeta" >/run/lab/thin.xml
	quietly dmsetup message "$vg-$pool-tpool" 0 release_metadata_snap
	perl -ne '
		BEGIN { $want = shift }
		my ($from) = /origin_begin="(\d+)"/; my ($at) = /data_begin="(\d+)"/; my ($n) = /length="(\d+)"/;
		($from, $at, $n) = (/origin_block="(\d+)" data_block="(\d+)"/, 1) if /single_mapping/;
		print $at + $want - $from if defined $from && $want >= $from && $want < $from + $n;
	' "$2" /run/lab/thin.xml
}

readable_again() { echo "0 $(sectors_of /dev/ubdb) linear /dev/ubdb 0" | swap_table lab-pool; }

# swap_table NAME puts another table below whoever uses a mapping.
swap_table() {
	quietly dmsetup reload "$1"
	quietly dmsetup suspend --nolockfs --noflush "$1"
	quietly dmsetup resume "$1"
}
