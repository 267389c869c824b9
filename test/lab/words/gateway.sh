# gateway.sh - the host's own files, and a pfSense on loopback.
#
#   host_config                    the files that pve_config mirrors
#   pfsense_up                     sshd and the REST API at 10.0.20.1, with their keys
#   pfsense_down
#   pfsense_asked                  prints the commands that came over ssh

host=/run/lab/host
gateway=/run/lab/gateway
gateway_address=10.0.20.1

# host_config: the same after a power cut.
host_config() {
	mkdir -p "$host/etc/pve/nodes/pve" "$host/usr/local/bin" "$host/etc/systemd/system"
	echo 'keyboard: en-us' >"$host/etc/pve/datacenter.cfg"
	echo 'memory: 4096' >"$host/etc/pve/nodes/pve/101.conf"
	printf '#!/bin/sh\nexit 0\n' >"$host/usr/local/bin/lvm-snapshots"
	chmod +x "$host/usr/local/bin/lvm-snapshots"
	echo '[Service]' >"$host/etc/systemd/system/backup.service"
	ln -sf ../backup.service "$host/etc/systemd/system/alias.service"
	find "$host" -exec touch -h -d '2026-11-01 00:00' {} +
}

pfsense_up() {
	mkdir -p "$gateway/root/cf/conf" "$gateway/root/etc" /run/sshd /root/.ssh
	gateway_files
	ip address add "$gateway_address/32" dev lo
	start_sshd
	start_api
}

gateway_files() {
	cat >"$gateway/root/cf/conf/config.xml" <<-'XML'
		<?xml version="1.0"?>
		<pfsense>
			<version>23.3</version>
			<system><hostname>gateway</hostname><domain>lan</domain></system>
			<filter><rule><type>pass</type><descr><![CDATA[the <lab>]]></descr></rule></filter>
		</pfsense>
	XML
	echo gateway >"$gateway/root/etc/hostname"
	head -c 200K /dev/urandom >"$gateway/root/etc/ruleset"
	ln -sf /cf/conf "$gateway/root/conf"
}

# start_sshd serves one key, and to it one program: what a pfSense would answer.
start_sshd() {
	quietly ssh-keygen -q -t ed25519 -N '' -f "$gateway/host_key"
	quietly ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/pfsense_backup
	gateway_command >"$gateway/command"
	chmod +x "$gateway/command"
	sed "s|^|restrict,command=\"$gateway/command\" |" /root/.ssh/pfsense_backup.pub >"$gateway/authorized_keys"
	sed "s|^|$gateway_address |; s| [^ ]*\$||" "$gateway/host_key.pub" >>/root/.ssh/known_hosts
	sed -i 's/^root:[^:]*:/root:*:/' /run/lab/shadow 2>/dev/null || sed 's/^root:[^:]*:/root:*:/' /etc/shadow >/run/lab/shadow
	chmod 600 /run/lab/shadow
	mountpoint -q /etc/shadow || mount --bind /run/lab/shadow /etc/shadow
	cat >"$gateway/sshd_config" <<-CONFIG
		ListenAddress $gateway_address:22
		HostKey $gateway/host_key
		AuthorizedKeysFile $gateway/authorized_keys
		PidFile $gateway/sshd.pid
		PermitRootLogin forced-commands-only
		PasswordAuthentication no
		StrictModes no
		UsePAM no
	CONFIG
	quietly "$(command -v sshd)" -f "$gateway/sshd_config" -E "$gateway/sshd.log"
}

gateway_command() {
	cat <<-COMMAND
		#!/bin/sh
		printf '%s\\n' "\$SSH_ORIGINAL_COMMAND" >>$gateway/asked
		case \$SSH_ORIGINAL_COMMAND in
		*tar*) exec tar -C $gateway/root -czf - . ;;
		*config.xml*) exec cat $gateway/root/cf/conf/config.xml ;;
		esac
		exit 127
	COMMAND
}

# start_api starts the REST API; its certificate is what clients trust from then on.
start_api() {
	local try
	(umask 077 && head -c 20 /dev/urandom | md5sum | cut -c1-32 >/root/.pfsense-api-key)
	cp /root/.pfsense-api-key "$gateway/api-key"
	lab-pfsense -listen "$gateway_address:443" -config "$gateway/root/cf/conf/config.xml" \
		-key "$gateway/api-key" -certificate "$gateway/ca.pem" 2>"$gateway/api.log" &
	gateway_api=$!
	for try in {1..100}; do
		if (: <"/dev/tcp/$gateway_address/443") 2>/dev/null; then
			export SSL_CERT_FILE=$gateway/ca.pem
			return
		fi
		sleep 0.1
	done
	fail "the lab's pfSense does not start: $(<"$gateway/api.log")"
}

pfsense_down() {
	kill "$gateway_api" "$(<"$gateway/sshd.pid")"
	wait "$gateway_api" || true
}

pfsense_asked() { cat "$gateway/asked"; }
