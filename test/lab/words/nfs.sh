# nfs.sh - the kernel's NFS server, and a client of it on loopback.
#
#   nfs_up FOLDER CLIENT   exports a folder, and mounts the export elsewhere (`need nfs`)

nfs_up() {
	mkdir -p /var/lib/nfs/v4recovery "$2"
	touch /var/lib/nfs/{etab,rmtab}
	mount -t nfsd nfsd /proc/fs/nfsd
	quietly exportfs -o rw,insecure,no_root_squash,no_subtree_check,fsid=0 "127.0.0.1:$1"
	quietly rpc.mountd --no-nfs-version 3
	quietly rpc.nfsd --no-nfs-version 3 --no-udp 4
	echo Y >/proc/fs/nfsd/v4_end_grace # nobody is to come back
	quietly mount -t nfs4 -o vers=4.2,sec=sys 127.0.0.1:/ "$2"
}
