# The reference homelab on 24 November 2026, half a minute past three in the night:
# what examples/homelab.hcl finds there. Not part of the suite; `record` plays it.
source /mnt/lab/lib.sh

# table lists the claims: with the size, and the first night of which the older
# script's snapshot is still there; 99 is never.
table() {
	cat <<-'TABLE'
		vault/data-vault-0 10G 17
		vault/data-vault-1 10G 17
		vault/data-vault-2 10G 17
		vault/audit-vault-0 10G 17
		redis/redis-data-0 8G 17
		redis/redis-data-1 8G 17
		redis/redis-data-2 8G 17
		vaultwarden/vaultwarden-data 5G 17
		nextcloud/nextcloud-data 500G 17
		nextcloud/nextcloud-config 10G 17
		calibre-web/calibre-books 100G 17
		calibre-web/calibre-config 5G 17
		forgejo/forgejo-data 100G 17
		forgejo/forgejo-runner 50G 17
		freshrss/freshrss-data 5G 17
		freshrss/freshrss-extensions 1G 17
		actualbudget/actualbudget-data 5G 17
		novelapp/novelapp-data 20G 17
		novelapp/novelapp-uploads 20G 17
		headscale/headscale-data 1G 17
		uptime-kuma/uptime-kuma-data 5G 17
		authentik/authentik-media 5G 17
		authentik/authentik-templates 1G 17
		home-assistant/home-assistant-config 20G 17
		mosquitto/mosquitto-data 1G 17
		zigbee2mqtt/zigbee2mqtt-data 1G 17
		esphome/esphome-config 5G 17
		node-red/node-red-data 5G 17
		paperless/paperless-data 10G 17
		paperless/paperless-media 100G 17
		paperless/paperless-consume 10G 17
		grafana/grafana-data 10G 17
		loki/loki-data 50G 17
		n8n/n8n-data 5G 17
		matrix/synapse-data 20G 17
		matrix/synapse-media 50G 17
		linkding/linkding-data 1G 17
		wallabag/wallabag-images 10G 17
		stirling-pdf/stirling-config 1G 17
		changedetection/changedetection-data 5G 17
		ntfy/ntfy-cache 1G 17
		gotify/gotify-data 1G 17
		homepage/homepage-config 1G 17
		memos/memos-data 5G 17
		outline/outline-data 20G 17
		tandoor/tandoor-static 1G 17
		tandoor/tandoor-media 10G 17
		bookstack/bookstack-config 10G 17
		wikijs/wikijs-data 10G 17
		registry/registry-data 100G 17
		minio/minio-data 200G 17
		syncthing/syncthing-config 5G 17
		syncthing/syncthing-data 200G 17
		trilium/trilium-data 5G 17
		hedgedoc/hedgedoc-uploads 5G 17
		kavita/kavita-config 5G 17
		jellyfin/jellyfin-config 20G 17
		gitea-mirror/gitea-mirror-data 10G 17
		dbaas/postgresql-data 100G 99
		dbaas/mysql-data 100G 99
		monitoring/prometheus-data 200G 99
		karakeep/karakeep-data 10G 19
		karakeep/meilisearch-data 5G 19
		mealie/mealie-data 5G 22
		ente/ente-data 50G 24
	TABLE
}

# fill LV GIB writes one sector into each of so many chunks.
fill() {
	perl -MFcntl -e '
		my ($device, $chunks) = @ARGV;
		sysopen(my $disk, $device, O_WRONLY) or die "open $device: $!";
		for (0 .. $chunks - 1) {
			sysseek($disk, $_ << 30, 0) && syswrite($disk, "x" x 4096) == 4096 or die "write $device: $!";
		}
	' "/dev/$vg/$1" "$2"
}

vm_volume() { quietly lvcreate -V "$2" -T "$vg/$pool" -n "$1"; }

say 'A pool of 9.7 TiB; large chunks fill it without filling the disk below'
clock '20260412 18:05'
quietly vgcreate --metadatasize 16M "$vg" /dev/ubdb
quietly lvcreate -L 96G -n root "$vg"
quietly lvcreate -L 8G -n swap "$vg"
quietly lvcreate --type thin-pool -L 9960G --chunksize 1G --poolmetadatasize 128M -Z n -n "$pool" "$vg"

say 'Virtual machines, and the NFS trees'
vm_volume vm-101-disk-0 64G
vm_volume vm-102-disk-0 128G
vm_volume vm-201-disk-0 256G
vm_volume vm-202-disk-0 256G
vm_volume vm-203-disk-0 256G
vm_volume nfs 6T
fill nfs 4310
fill vm-101-disk-0 41
fill vm-201-disk-0 187

say 'The claims'
clock '20260503 11:20'
while read -r claim size first; do
	if ((first > 17 && first < 99)); then
		clock "202611$((first - 1)) 19:40"
	fi
	pvc "$claim" "$size"
	fill "$(lv_of "$claim")" 1
done < <(table)
sed -i '/^\(grafana\|loki\|headscale\)\//s|homelab/pve/local-lvm/|local-lvm:|' "$notes/volumes" # as older drivers wrote it

say 'What is out of the ordinary'
clock '20260611 21:12'
quietly lvcreate -V 250G -T "$vg/$pool" -n vm-9999-photos # brought along from an older machine
pv photoprism/photos homelab/pve/local-lvm/vm-9999-photos "$driver" 250G
pvc jupyter/notebooks 20G # its namespace was deleted, its volume retained
pvc excalidraw/excalidraw-data 1G # its volume was deleted, three snapshots were forgotten

say 'Volumes that are not of this pool'
nfs=nfs.csi.k8s.io
for share in immich/immich-library:800G audiobookshelf/audiobooks:200G navidrome/music:300G \
	servarr/media:4T servarr/downloads:500G frigate/recordings:500G ollama/models:200G; do
	claim=${share%:*}
	pv "$claim" "192.168.1.127#srv/nfs/${claim%/*}#${claim#*/}##" "$nfs" "${share#*:}"
done

say 'A week of nights'
for day in 17 18 19 20 21 22 23; do
	while read -r claim size first; do
		((first > day)) || old_snapshot "$claim" "202611${day}_0300"
	done < <(table)
	if ((day >= 18 && day <= 20)); then
		old_snapshot jupyter/notebooks "202611${day}_0300"
		old_snapshot excalidraw/excalidraw-data "202611${day}_0300"
	fi
	echo "night of the $day."
done
clock '20261120 22:31'
sed -i '/^jupyter\//s/Bound$/Released/' "$notes/volumes"
pvc_gone excalidraw/excalidraw-data
clock '20261121 10:03'
vm_snapshot vm-101-disk-0 snap_vm-101-disk-0_before_kernel_7
clock '20261122 17:48'
vm_snapshot "$(lv_of nextcloud/nextcloud-data)" "$(lv_of nextcloud/nextcloud-data)-before-34"

say 'Observe'
export KUBECONFIG=/root/.kube/config
api=10.0.20.100:6443
ip address add 10.0.20.100/32 dev lo
write_kubeconfig
cluster_up
clock '20261124 03:00:30'
run_bkplan observe -f /mnt/project/examples/homelab.hcl -o /mnt/lab/out/observation.json
expect_status 1 # trees and the backup disk are unknown here: record-disks adds them
