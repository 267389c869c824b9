# Volumes as they are found: ext4 clean, and with a journal to be replayed; XFS; a btrfs
# whose machine died; LUKS; a database that is written to at the moment of the
# snapshot; and everything that a file system can hold.
source /mnt/lab/lib.sh
use_policy night snapshots weekly sqlite
need crypt

say 'Clean: nobody has it mounted'
pool_create pve data 2G
backup_disk
pvc zoo/clean
fs zoo/clean ext4
write_zoo zoo/clean
unmounted zoo/clean

say 'In use: ext4 with a database, XFS, LUKS'
pvc app/data
fs app/data ext4
sqlite_writer app/data db/app.sqlite
pvc media/xfs
fs media/xfs xfs
write_zoo media/xfs
pvc vault/secret
fs vault/secret ext4 luks
write_some vault/secret secret 40

say 'A btrfs whose machine died with a log to be replayed'
pvc media/btrfs
fs media/btrfs btrfs
write_some media/btrfs folder/first 40
write_some media/btrfs folder/second 40
dd if=/dev/urandom of="$live/media/btrfs/synced" bs=4k count=5 conv=fsync 2>/dev/null
unplugged media/btrfs

say 'Copied, each as it was at the moment of its snapshot'
cluster_up
committed=$(rows_of "$live/app/data/db/app.sqlite")
apply
expect_status 0
end_sqlite_writer
expect_no_changes
expect_no_leftovers
expect_copies 5
expect_database app/data 2026-46 db/app.sqlite "$committed"

say 'The journals were there to be replayed'
snapshot=$(receipt weekly app/data 2026-46 '$.source.snapshot.name')
quietly lvchange -ay -K "pve/$snapshot"
dumpe2fs -h "/dev/pve/$snapshot" 2>/dev/null | grep needs_recovery || fail 'the snapshot of ext4 was clean'
quietly lvchange -an "pve/$snapshot"
[[ -s $(version_of media/btrfs 2026-46)/synced ]] || fail 'the log of the btrfs was not replayed'

say 'And nothing in them was carried out'
[[ -z $(find "$backup" /run /tmp /root -xdev -name owned) ]] || fail 'a name was taken for a command'
