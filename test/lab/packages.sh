# packages.sh - what the lab needs, known to both `run` and `setup`.

# A program that tells whether the package is there, and the Debian package.
lab_packages=(
	linux.uml user-mode-linux
	modprobe kmod
	lvcreate lvm2
	thin_check thin-provisioning-tools
	cryptsetup cryptsetup-bin
	mke2fs e2fsprogs
	mkfs.xfs xfsprogs
	mkfs.btrfs btrfs-progs
	setfacl acl
	setfattr attr
	findmnt util-linux
	ps procps
	ip iproute2
	rsync rsync
	sshd openssh-server
	ssh openssh-client
	bsdtar libarchive-tools
	sqlite3 sqlite3
	busybox busybox-static
	promtool prometheus
	prometheus-pushgateway prometheus-pushgateway
)

# missing_packages prints the packages whose programs are not here.
missing_packages() {
	local PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin i missing=()
	for ((i = 0; i < ${#lab_packages[@]}; i += 2)); do
		command -v "${lab_packages[i]}" >/dev/null || missing+=("${lab_packages[i + 1]}")
	done
	echo "${missing[*]}"
}
