# nas.sh - a Synology on loopback: sshd, what BusyBox has, a btrfs of its own, and a
# user who is nobody in particular.
#
#   nas_up, nas_away               it answers, or its address is not there
#   nas_far, nas_near              the way to it is long and lossy, or short again
#   use_offsite                    adds its destination and layers to the policy
#   nas_version NS/CLAIM VERSION   prints the folder of a version over there
#   expect_nas_versions COUNT NS/CLAIM
#   expect_nas_like_disk           the copy is the disk, its links and receipts too

nas=/run/lab/nas
nas_disk=/mnt/nas
nas_address=10.0.30.2
nas_share=$nas_disk/volume1/Backup/homelab

use_offsite() { cat /mnt/lab/offsite.hcl >>"$BKPLAN_POLICY"; }

nas_up() {
	[[ -d $nas ]] || nas_install
	quietly ip address add "$nas_address/32" dev lo
}

# nas_far makes the way to the NAS long and lossy; nas_near ends that.
nas_far() {
	load_modules sch_netem
	quietly tc qdisc add dev lo root netem delay 20ms 5ms loss 1%
}

nas_near() { quietly tc qdisc del dev lo root; }

nas_away() { quietly ip address del "$nas_address/32" dev lo; }

nas_install() {
	local program
	rm -f /run/lab/guard/ssh # a plan asks the NAS
	mkdir -p "$nas/bin" "$nas_disk" /run/sshd /root/.ssh
	for program in cat date df du id ls mkdir mv printf rm rmdir sh sync tar test '[' wc xargs; do
		ln -s "$(command -v busybox)" "$nas/bin/$program"
	done
	ln -s "$(command -v rsync)" "$nas/bin/rsync"
	blkid -p /dev/ubde >/dev/null || make_fs btrfs /dev/ubde
	mount /dev/ubde "$nas_disk"
	mkdir -p "$nas_share"
	chown 1026:100 "$nas_share"
	{ cat /etc/passwd; echo 'bkplan:*:1026:100::/:/bin/sh'; } >"$nas/passwd"
	mount --bind "$nas/passwd" /etc/passwd
	nas_sshd
}

nas_sshd() {
	quietly ssh-keygen -q -t ed25519 -N '' -f "$nas/host_key"
	quietly ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/synology_backup
	sed "s|^|[$nas_address]:2222 |; s| [^ ]*\$||" "$nas/host_key.pub" >>/root/.ssh/known_hosts
	printf '#!/bin/sh\nPATH=%s/bin; export PATH\nexec sh -c "$SSH_ORIGINAL_COMMAND"\n' "$nas" >"$nas/command"
	chmod +x "$nas/command"
	cat >"$nas/sshd_config" <<-CONFIG
		ListenAddress 0.0.0.0:2222
		HostKey $nas/host_key
		AuthorizedKeysFile /root/.ssh/synology_backup.pub
		ForceCommand $nas/command
		PidFile $nas/sshd.pid
		PasswordAuthentication no
		StrictModes no
		UsePAM no
	CONFIG
	quietly "$(command -v sshd)" -f "$nas/sshd_config" -E "$nas/sshd.log"
}

nas_version() { echo "$nas_share/pve-backup/pvc-data/$2/$1"; }

expect_nas_versions() {
	local count
	count=$(find "$nas_share/pve-backup/pvc-data" -mindepth 3 -maxdepth 3 -path "*/$2" | wc -l)
	[[ $count == "$1" ]] || fail "$count versions of $2 on the NAS, want $1"
}

# expect_nas_like_disk compares what is the backup disk's with the copy of it, which
# names are one file in all of both, and their receipts. Owners are another's over there.
expect_nas_like_disk() {
	rsync -rnlptOHAXc --delete --exclude=/.bkplan --exclude=/lost+found --itemize-changes \
		"$backup/" "$nas_share/pve-backup/" >/run/lab/differences
	[[ ! -s /run/lab/differences ]] || fail "the NAS is not what is on the disk: $(</run/lab/differences)"
	one_file "$backup" >/run/lab/inodes
	one_file "$nas_share/pve-backup" | diff /run/lab/inodes - || fail 'the NAS is not linked like the disk'
	diff -r --exclude=offsite "$backup/.bkplan/receipts" "$nas_share/pve-backup/.bkplan/receipts" ||
		fail 'the NAS has other receipts than the disk'
}

# one_file FOLDER prints the names of data that are one file.
one_file() { inodes "$1" | sed -n '/^one file: \.bkplan\//d; /^one file: /p'; }
