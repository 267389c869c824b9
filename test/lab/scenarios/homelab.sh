# The reference homelab: 65 volumes of which 62 are covered, a week of the older
# script's snapshots, an orphan, and things that are none of bkplan's business.
source /mnt/lab/lib.sh

read -rd '' -a with_history <<'CLAIMS' || true
vaultwarden/vaultwarden-data nextcloud/nextcloud-data forgejo/forgejo-data
actualbudget/actualbudget-data headscale/headscale-data uptime-kuma/uptime-kuma-data
CLAIMS

read -rd '' -a without_history <<'CLAIMS' || true
vault/data-vault-0 vault/data-vault-1 vault/data-vault-2 vault/audit-vault-0
redis/redis-data-0 redis/redis-data-1 redis/redis-data-2 kube-system/etcd-data
nextcloud/nextcloud-config calibre-web/calibre-config calibre-web/calibre-books
forgejo/forgejo-runner freshrss/freshrss-data freshrss/freshrss-extensions
novelapp/novelapp-data novelapp/novelapp-uploads immich/immich-ml immich/immich-config
audiobookshelf/config audiobookshelf/metadata navidrome/navidrome-data
servarr/sonarr-config servarr/radarr-config servarr/lidarr-config servarr/prowlarr-config
servarr/bazarr-config servarr/qbittorrent-config paperless/paperless-data
paperless/paperless-media paperless/paperless-consume home-assistant/config
mosquitto/mosquitto-data zigbee2mqtt/zigbee2mqtt-data node-red/node-red-data
grafana/grafana-data loki/loki-data n8n/n8n-data authentik/authentik-media
authentik/authentik-templates matrix/synapse-data matrix/synapse-media linkding/linkding-data
wallabag/wallabag-images stirling/stirling-config changedetection/changedetection-data
ntfy/ntfy-cache gotify/gotify-data homepage/homepage-config memos/memos-data
outline/outline-data tandoor/tandoor-static tandoor/tandoor-media bookstack/bookstack-config
wikijs/wikijs-data minio/minio-data registry/registry-data
dbaas/postgresql-data dbaas/mysql-data monitoring/prometheus-data
CLAIMS

say 'A homelab of 65 volumes'
pool_create pve data 4G
for claim in "${with_history[@]}" "${without_history[@]}" mealie/mealie-data; do
	pvc "$claim"
done
for day in 08 10 12 13 14 15; do
	for claim in "${with_history[@]}"; do
		old_snapshot "$claim" "202611${day}_0300"
	done
done
old_snapshot mealie/mealie-data 20261115_0300
pvc_gone mealie/mealie-data
vm_disk vm-101-disk-0
vm_snapshot vm-101-disk-0 snap_vm-101-disk-0_before
vm_snapshot "$(lv_of vaultwarden/vaultwarden-data)" before-upgrade
cluster_up

say 'The first plan: all are due, what is older than seven days goes'
remember_world
plan
expect_status 0
expect_line 'Plan: 62 to create, 6 to prune'
expect_line '3 excluded'
expect_same_world

say 'Apply, and nothing is left to do'
apply
expect_status 0
expect_no_changes
expect_snapshots 93 # 36 old ones less 6, 62 new ones, the one made by hand
for claim in dbaas/postgresql-data dbaas/mysql-data monitoring/prometheus-data; do
	expect_snapshots 0 "$claim"
done
expect_no_lv "$(lv_of vaultwarden/vaultwarden-data)_snap_20261108_0300"

say 'Two days later the next are due'
clock '20261118 12:00'
plan --detailed-exitcode
expect_status 2
expect_line 'Plan: 62 to create, 6 to prune'

say 'What no plan will mend'
drift
expect_status 2
expect_line "$(lv_of mealie/mealie-data)"
expect_line before-upgrade

say 'What is not its own was not touched'
for lv in vm-101-disk-0 snap_vm-101-disk-0_before before-upgrade "$(lv_of mealie/mealie-data)_snap_20261115_0300"; do
	expect_lv "$lv"
done
