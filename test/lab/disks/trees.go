package main

import (
	"os"
	"path/filepath"
	"strings"
)

// trees are what the sources of directories hold, by their path; a name that
// ends in a slash is a directory.
var trees = map[string]string{
	"/srv/nfs": `
		actualbudget/ adguard/ affine/ anki/ archivebox/ audiobookshelf/ authentik/ baikal/
		bazarr/ beets/ bitmagnet/ calibre/ changedetection/ cloudflared/ code-server/
		comics/ cyberchef/ dawarich/ deluge/ drawio/ etcd-backup/ ezbookkeeping/ f1-stream/
		flaresolverr/ forgejo/ freedify/ frigate/ ghost/ glances/ grampsweb/ grocy/
		hackmd/ health/ homebox/ immich/ insta360/ invidious/ isponsorblock/ jackett/
		jellyfin/ kiwix/ kopia/ lidarr/ linkwarden/ listenarr/ mailserver/ mealie/ metube/
		minecraft/ mysql-backup/ navidrome/ netbox/ nextcloud/ ollama/ onlyoffice/
		openwrt/ osm/ owntracks/ paperless/ photos-import/ piper/ pihole/ plotting-book/
		podgrab/ postgresql-backup/ privatebin/ prowlarr/ qbittorrent/ radarr/ real-estate/
		redis-backup/ resume/ roundcube/ rybbit/ scanner/ servarr/ sftpgo/ shadowsocks/
		slskd/ sonarr/ speedtest/ stacks/ tandoor/ temp/ tor/ unifi/ vault-backup/
		vaultwarden-backup/ whisper/ wireguard/ youtube/ ytdlp/`,
	"/srv/nfs-ssd":        `immich-thumbs/ immich-encoded/ jellyfin-cache/ nextcloud-previews/ openclaw/ tubearchivist-index/`,
	"/etc/pve":            `authkey.pub ceph.conf corosync.conf datacenter.cfg domains.cfg firewall/ ha/ jobs.cfg local nodes/ priv/ pve-www.key sdn/ status.cfg storage.cfg user.cfg vzdump.cron`,
	"/usr/local/bin":      `backup-files backup-offsite backup-snapshots bkplan kubectl lvm-restore ups-shutdown`,
	"/etc/systemd/system": `bkplan-files.service bkplan-files.timer bkplan-snapshots.service bkplan-snapshots.timer getty.target.wants/ multi-user.target.wants/ node-exporter.service sockets.target.wants/ timers.target.wants/ ups-shutdown.service`,
}

// fillTrees makes the trees below a root.
func fillTrees(root string) error {
	for path, names := range trees {
		if err := fillTree(root+path, strings.Fields(names)); err != nil {
			return err
		}
	}
	return nil
}

func fillTree(at string, names []string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(at, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(path, []byte(name+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}
