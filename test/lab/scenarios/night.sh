# Nights of a homelab: snapshots, a version of each volume's files, its databases, the
# firewall and the host itself. The next day only what changed is copied; four weeks
# on, the fifth version goes.
source /mnt/lab/lib.sh
use_policy night

# mounts counts the file systems that the kernel has mounted so far.
mounts() { dmesg | grep -c 'EXT4-fs (dm-.*mounted filesystem'; }

say 'Two volumes, a firewall, a host and an empty backup disk'
host_config
pfsense_up
pool_create pve data 2G
backup_disk
for claim in forgejo/data vaultwarden/data; do
	pvc "$claim"
	fs "$claim" ext4
	write_some "$claim" attachments/one 400
done
sqlite3 "$live/vaultwarden/data/db.sqlite3" 'CREATE TABLE note (text); INSERT INTO note VALUES ("one"), ("two")'
unmounted vaultwarden/data
cluster_up

say 'The first night, by the command lines of the units'
remember_world
plan
expect_status 0
expect_line 'Plan: 8 to create, 0 to prune, 1 to sync'
expect_same_world
timer_fires snapshots weekly sqlite pfsense pfsense_files pve_config
expect_status 0
expect_no_changes
expect_no_leftovers

say 'Every copy is whole'
expect_copies 2
expect_database vaultwarden/data 2026-46 db.sqlite3 2
expect_receipt pfsense gateway 2026-46
expect_receipt pfsense_files gateway 2026-46
cmp "$backup/pfsense/2026-46/config.xml" "$gateway/root/cf/conf/config.xml"
tar -xOf "$backup/pfsense-files/2026-46/filesystem.tar.gz" ./etc/ruleset | cmp - "$gateway/root/etc/ruleset"
for folder in etc/pve usr/local/bin etc/systemd/system; do
	expect_same_files "$host/$folder" "$backup/pve-config$host/$folder"
done
expect_no_line "$(</root/.pfsense-api-key)"

say 'The next day one volume has one file more: it alone is copied'
clock '20261117 12:00'
one=$(stat -c %i "$(version_of forgejo/data 2026-46)/attachments/one")
write_some forgejo/data attachments/two 300
mounted_before=$(mounts)
plan
expect_line 'Plan: 2 to create, 0 to prune, 1 to sync, 6 to refresh'
apply
expect_status 0
expect_line '2 files, 300 KiB new'
((mounted_before + 2 == $(mounts))) || fail "$(($(mounts) - mounted_before)) snapshots were mounted, want the two of forgejo/data"
expect_no_changes
expect_copies 2
[[ $(receipt weekly forgejo/data 2026-46 '$.new_bytes') == $((700 * 1024)) ]] || fail 'what was new in the version does not stay so'
[[ $(stat -c %i "$(version_of forgejo/data 2026-46)/attachments/one") == "$one" ]] || fail 'what was there is another file now'
expect_versions 1 forgejo/data

say 'Three weeks later there are four versions, linked to one another'
for day in 20261123 20261130 20261207; do
	clock "$day 12:00"
	apply --acknowledge-prunes snapshots # no night in between has pruned any
	expect_status 0
done
expect_versions 4 forgejo/data
expect_linked "$(version_of forgejo/data 2026-46)/attachments/one" "$(version_of forgejo/data 2026-49)/attachments/one"

say 'With the fifth, the first one goes'
clock '20261214 12:00'
write_some forgejo/data attachments/three 100
plan
expect_line 'Plan: 8 to create'
apply --acknowledge-prunes snapshots
expect_status 0
expect_no_changes
for claim in forgejo/data vaultwarden/data; do
	expect_versions 4 "$claim"
	expect_receipt weekly "$claim" 2026-50
	expect_no_receipt weekly "$claim" 2026-46
done
[[ ! -e $backup/pvc-data/2026-46 ]] || fail 'the first week is still there'
[[ ! -e $backup/pfsense/2026-46 ]] || fail 'its firewall is still there'
expect_copies
expect_database vaultwarden/data 2026-50 db.sqlite3 2
expect_no_leftovers
