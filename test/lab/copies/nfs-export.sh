# A tree that clients change over NFS, at random and all at once: `bkplan watch` on the
# server misses nothing of it, and a sync by its journal leaves the NAS with the tree.
source /mnt/lab/lib.sh
use_policy night snapshots weekly
use_offsite
need nfs

tree=/run/lab/nfs client=/run/lab/client

# storm N does N random things as a client, in a few folders.
storm() {
	local n folder other
	for ((n = 0; n < $1; n++)); do
		folder=$client/$((RANDOM % 5)) other=$client/$((RANDOM % 5))
		case $((RANDOM % 8)) in
		0 | 1 | 2) mkdir -p "$folder" && echo "$RANDOM" >"$folder/file $((RANDOM % 20))" ;;
		3) mv -f "$folder/file $((RANDOM % 20))" "$other/" ;;
		4) rm -f "$folder/file $((RANDOM % 20))" ;;
		5) ln -f "$folder/file $((RANDOM % 20))" "$other/linked" ;;
		6) mv -T "$folder" "$client/moved" && mv -T "$client/moved" "$other" ;;
		7) echo more >>"$folder/file $((RANDOM % 20))" ;;
		esac 2>/dev/null || true
	done
}

say 'An export, a client of it, and a NAS that has all of it'
pool_create pve data 1G
pvc forgejo/data
backup_disk
nas_up
cluster_up
mkdir -p "$tree"
nfs_up "$tree" "$client"
bkplan watch >/run/lab/watch.log 2>&1 &
storm 40
apply --layer nfs
expect_status 0

say 'Clients write, and what has changed goes'
for night in 20261117 20261118; do
	clock "$night 12:00"
	storm 300
	apply --layer nfs
	expect_status 0
	expect_line 'by the change journal'
	rsync -rnlptHc --delete --itemize-changes "$tree/" "$nas_share/nfs/" >/run/lab/differences
	[[ ! -s /run/lab/differences ]] || fail "the NAS is not what is exported: $(</run/lab/differences)"
done
find "$tree" -type f | wc -l
