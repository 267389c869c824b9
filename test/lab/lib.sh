# lib.sh - the words that scenarios are written in. Sourced inside the guest.
#
# The files in words/ have those of volumes' contents, of the backup disk and of the
# pfSense; each lists its own at its head.
#
# The policy:    use_policy
# The world:     pool_create pvc pv pvc_gone vm_disk vm_snapshot old_snapshot
#                fill_pool pool_wake cluster_up cluster_down forget_cluster clock
# bkplan:        plan apply drift (output in $out, exit status in $status), show,
#                apply_in_background until_snapshots until_ended
# Expectations:  expect_status expect_line expect_no_line expect_no_changes
#                expect_snapshots expect_lv expect_no_lv expect_pool_healthy
#                remember_world expect_same_world
# Misfortune:    power_cut_after lose_device open_snapshot close_snapshot
#
# A volume is named as people name it, namespace/claim; lv_of gives its LV. Times
# are of the policy's zone, as in the names that the older script gave.
set -euo pipefail
set -E
trap 'fail "$BASH_COMMAND: exit $?"' ERR

export KUBECONFIG=/run/lab/kubeconfig
api=127.0.0.1:8001 # of the cluster
export BKPLAN_POLICY=/run/lab/homelab.hcl
export TZ=EET-2EEST,M3.5.0/3,M10.5.0/4 # Europe/Sofia, where there is no tzdata
notes=/mnt/lab/notes # survives a power cut
out=/run/lab/out
status=0
vg=pve
pool=data
driver=csi.proxmox.sinextra.dev
declare -A named # logical volumes with a name of their own, by claim

for words in /mnt/lab/words/*.sh; do
	source "$words"
done

say() { printf '\n== %s\n' "$*"; }

# fail ends the scenario, and says at which of its lines.
fail() {
	printf 'lab: line %s of the scenario: %s\n' "${BASH_LINENO[-2]}" "$*" >&2
	exit 1
}

quietly() {
	"$@" >/run/lab/quiet 2>&1 || { cat /run/lab/quiet >&2; return 1; }
}

# use_policy NAME [LAYER…] puts another policy of the lab in place, homelab or
# night; with only these of its layers, if some are named, and what they are from.
use_policy() {
	awk -v wanted=" ${*:2} " '
		function unwanted(list, name) { gsub(/"/, "", name); return list != "  " && !index(list, " " name " ") }
		/^(layer|source) / { drop = $1 == "layer" ? unwanted(wanted, $3) : unwanted(sources, $3) }
		FNR == 1 && NR > 1 { sources = used }
		!drop && FNR == NR && $1 == "from" { sub(/.*[.]/, "", $3); used = used $3 " " }
		!drop && FNR < NR { print }
		/^}/ { drop = 0 }
	' used=' ' sources='  ' "/mnt/lab/$1.hcl" "/mnt/lab/$1.hcl" >"$BKPLAN_POLICY"
}

# --- the world ---------------------------------------------------------------

# pool_create VG POOL SIZE [METADATA SIZE] makes the volume group and its thin pool.
pool_create() {
	vg=$1 pool=$2
	quietly vgcreate "$vg" "$(disk_of pool)"
	quietly lvcreate --type thin-pool -L "$3" ${4:+--poolmetadatasize "$4"} -n "$pool" "$vg"
}

# pool_wake activates what was there before the power cut.
pool_wake() { quietly vgchange -ay "$vg"; }

# pvc NAMESPACE/CLAIM [SIZE [LV]] makes the logical volume and tells the cluster.
pvc() {
	[[ -z ${3-} ]] || named[$1]=$3
	quietly lvcreate -V "${2:-1G}" -T "$vg/$pool" -n "$(lv_of "$1")"
	pv "$1" "homelab/pve/local-lvm/$(lv_of "$1")" "$driver" "${2:-1G}"
}

# pv NAMESPACE/CLAIM HANDLE DRIVER SIZE [PHASE] tells the cluster of a persistent
# volume, whether or not there is such a thing.
pv() { printf '%s %s %s %s %s\n' "$1" "$2" "$3" "$4" "${5:-Bound}" >>"$notes/volumes"; }

# pvc_gone NAMESPACE/CLAIM removes the volume; its snapshots stay, orphaned.
pvc_gone() {
	quietly lvremove -y "$vg/$(lv_of "$1")"
	sed -i "\\|^$1 |d" "$notes/volumes"
}

# lv_of NAMESPACE/CLAIM prints the logical volume: the one that pvc was given, else
# one that is always the same for a claim.
lv_of() {
	printf '%s' "${named[$1]-vm-9999-$(pv_of "$1")}"
}

# vm_disk NAME makes a volume that is none of bkplan's business.
vm_disk() { quietly lvcreate -V 1G -T "$vg/$pool" -n "$1"; }

# vm_snapshot DISK NAME snapshots such a volume, as Proxmox does.
vm_snapshot() { quietly lvcreate -s "$vg/$1" -n "$2"; }

# old_snapshot NAMESPACE/CLAIM YYYYmmdd_HHMM makes what the older script made then.
old_snapshot() {
	local now lv
	now=$(date +%s)
	lv=$(lv_of "$1")
	clock "${2:0:8} ${2:9:2}:${2:11:2}"
	quietly lvcreate -s "$vg/$lv" -n "${lv}_snap_$2"
	date -s "@$now" >/dev/null
}

# fill_pool PERCENT writes to a volume of its own until the pool is that full.
fill_pool() {
	local size written
	size=$(lvs --noheadings --nosuffix --units m -o lv_size "$vg/$pool")
	vm_disk vm-102-disk-0
	written=$((${size%.*} * $1 / 100))
	quietly dd if=/dev/zero of="/dev/$vg/vm-102-disk-0" bs=1M count="$written" oflag=direct
}

# clock 'YYYYmmdd HH:MM' sets the kernel's clock.
clock() { date -s "$1" >/dev/null; }

# --- the cluster -------------------------------------------------------------

# cluster_up starts a Kubernetes API that knows the volumes made so far.
cluster_up() {
	local try
	cluster_write
	lab-kubeapi -listen "$api" -cluster /run/lab/cluster.json 2>/run/lab/kubeapi.log &
	kubeapi=$!
	for try in {1..100}; do
		(: <"/dev/tcp/${api/://}") 2>/dev/null && return
		sleep 0.1
	done
	fail "the lab's Kubernetes API does not start: $(</run/lab/kubeapi.log)"
}

cluster_down() {
	kill "$kubeapi"
	wait "$kubeapi" || true
}

# forget_cluster lets the next cluster_up start one that knows of nothing.
forget_cluster() { : >"$notes/volumes"; }

# cluster_write puts the volumes into the form that lab-kubeapi reads.
cluster_write() {
	local name handle driver size phase separator=
	{
		printf '{"namespaces": ['
		{ printf '%s\n' default kube-system; cut -d/ -f1 "$notes/volumes"; } | sort -u | sed 's/.*/"&"/' | paste -sd,
		printf '], "volumes": [\n'
		while read -r name handle driver size phase; do
			printf '%s{"name": "%s", "handle": "%s", "driver": "%s", "phase": "%s", "namespace": "%s", "claim": "%s", "storageClass": "%s", "bytes": %s}\n' \
				"$separator" "$(pv_of "$name")" "$handle" "$driver" "$phase" \
				"${name%%/*}" "${name#*/}" "$(class_of "$driver")" "$(numfmt --from=iec "$size")"
			separator=,
		done <"$notes/volumes"
		printf ']}\n'
	} >/run/lab/cluster.json
}

# pv_of NAMESPACE/CLAIM prints the name of its persistent volume.
pv_of() {
	local digest
	digest=$(md5sum <<<"$1")
	printf 'pvc-%s-%s-%s-%s-%s' \
		"${digest:0:8}" "${digest:8:4}" "${digest:12:4}" "${digest:16:4}" "${digest:20:12}"
}

class_of() {
	case $1 in
	csi.proxmox.sinextra.dev) echo proxmox-data ;;
	*) echo "${1%%.*}" ;;
	esac
}

write_kubeconfig() {
	mkdir -p "$(dirname "$KUBECONFIG")"
	cat >"$KUBECONFIG" <<-CONFIG
		apiVersion: v1
		kind: Config
		clusters: [{name: lab, cluster: {server: "http://$api"}}]
		users: [{name: lab, user: {}}]
		contexts: [{name: lab, context: {cluster: lab, user: lab}}]
		current-context: lab
	CONFIG
}

# --- bkplan ------------------------------------------------------------------

# run_bkplan ARGS… keeps what it prints in $out and its exit status in $status.
run_bkplan() {
	local started=$SECONDS
	printf '\n$ bkplan %s\n' "$*"
	status=0
	timeout 400 bkplan "$@" >"$out" 2>&1 || status=$?
	cat "$out"
	printf '(exit %s, %s s)\n' "$status" "$((SECONDS - started))"
}

plan() { guarded run_bkplan plan "$@"; }
apply() { run_bkplan apply --auto-approve "$@"; }
drift() { guarded run_bkplan drift "$@"; }

# guarded COMMAND… fails where the command runs, or only tries to run, a program
# that could change something, or mounts something itself.
guarded() {
	opened_now >/run/lab/opened
	PATH=/run/lab/guard:$PATH "$@"
	[[ ! -s /run/lab/forbidden ]] || fail "$* is not to change anything, and ran: $(</run/lab/forbidden)"
	opened_now | diff /run/lab/opened - || fail "$* is not to change anything, and left this open"
}

opened_now() { cat /proc/self/mountinfo; ls /dev/mapper; }

guard_programs() {
	local program
	mkdir /run/lab/guard
	printf '#!/bin/sh\necho "${0##*/} $*" >>/run/lab/forbidden\nexit 1\n' >/run/lab/guard/refuse
	chmod +x /run/lab/guard/refuse
	for program in lvm lvcreate lvremove lvchange lvconvert lvextend lvrename lvresize vgchange vgcreate \
		vgremove vgrename vgscan pvcreate pvscan pvremove dmsetup mount umount cryptsetup mkdir rm \
		rsync ssh sqlite3 thin_delta cp ln mv tar; do
		ln -s refuse "/run/lab/guard/$program"
	done
}

# apply_in_background ARGS… goes on with the scenario while apply runs, as $bkplan_pid.
apply_in_background() {
	printf '\n$ bkplan apply --auto-approve %s &\n' "$*"
	bkplan apply --auto-approve "$@" >/run/lab/background 2>&1 &
	bkplan_pid=$!
}

# until_snapshots COUNT waits until there are that many. It takes no lock, so as
# not to hold up bkplan.
until_snapshots() {
	local count=0
	while ((count < $1)); do
		count=$(lvs --nolocking --readonly --noheadings -o lv_name -S 'origin!=""' "$vg" 2>/dev/null | wc -l) || true
	done
}

# until_ended waits for the apply in the background; $out and $status are its.
until_ended() {
	status=0
	wait "$bkplan_pid" || status=$?
	cp /run/lab/background "$out"
	cat "$out"
	printf '(exit %s)\n' "$status"
}

# show ARGS… runs bkplan for a person's eyes: on the terminal, if `run` has one.
show() {
	printf '\n$ bkplan %s\n' "$*"
	status=0
	if [[ -n $LAB_COLUMNS ]]; then
		bkplan "$@" || status=$?
	else
		bkplan "$@" 2>&1 | cat || status=$?
	fi
}

# --- expectations ------------------------------------------------------------

expect_status() { [[ $status == "$1" ]] || fail "exit status $status, want $1"; }

# expect_line TEXT looks for words in the output, wherever its lines are broken.
expect_line() { grep -qF -- "$1" <<<"$(unwrapped)" || fail "the output lacks: $1"; }

expect_no_line() { ! grep -qF -- "$1" <<<"$(unwrapped)" || fail "the output has: $1"; }

unwrapped() { tr -s ' \n' ' ' <"$out"; }

# expect_no_changes plans once more: nothing may be left to do.
expect_no_changes() {
	plan --detailed-exitcode "$@"
	expect_status 0
	expect_line 'No changes'
}

# snapshots [NAMESPACE/CLAIM] prints the snapshots of all PVCs or of one, whoever
# made them; not those whose PVC is gone.
snapshots() {
	local origin='vm-[0-9]+-pvc-'
	[[ $# == 0 ]] || origin=$(lv_of "$1")
	lvs --noheadings -o lv_name -S "origin=~^$origin" "$vg"
}

# expect_snapshots COUNT [NAMESPACE/CLAIM] counts all, or those of one volume.
expect_snapshots() {
	local count
	count=$(snapshots ${2:+"$2"} | wc -l)
	[[ $count == "$1" ]] || fail "$count snapshots${2:+ of $2}, want $1"
}

expect_lv() { quietly lvs "$vg/$1" || fail "$vg/$1 is gone"; }

expect_no_lv() { ! quietly lvs "$vg/$1" 2>/dev/null || fail "$vg/$1 is still there"; }

# The world is every LV with what a write to the volume group would change, and
# every name on the backup disk with what a write to it would change.
world() {
	lvs -a --noheadings -o lv_name,lv_uuid,lv_size,lv_attr,origin,lv_tags,thin_id,data_percent -O lv_name "$vg"
	find /mnt/backup -printf '%p %i %n %s %C@\n' | sort
}

# remember_world first lets be written what the kernel holds back: it would show in the
# pool at some moment, whoever plans.
remember_world() {
	sync
	world >/run/lab/world
}

expect_same_world() {
	world | diff /run/lab/world - || fail "the world has changed"
}

# expect_pool_healthy lets thin_check read the pool's metadata.
expect_pool_healthy() {
	quietly vgchange -an "$vg"
	quietly lvchange -y -ay "$vg/${pool}_tmeta"
	quietly thin_check "/dev/$vg/${pool}_tmeta"
	quietly lvchange -an "$vg/${pool}_tmeta"
	pool_wake
}

# --- misfortune --------------------------------------------------------------

# power_cut_after COUNT, in the background, pulls the plug once there are that
# many snapshots: the kernel dies, its disks stay, and the scenario starts again
# from the top with $BOOT one higher.
power_cut_after() {
	sync "$notes"/*
	until_snapshots "$1"
	echo power-cut >/dev/tty2
}

# lose_device NAMESPACE/CLAIM deletes the volume's thin device behind LVM's back.
lose_device() {
	local lv id
	lv=$(lv_of "$1")
	id=$(lvs --noheadings -o thin_id "$vg/$lv")
	quietly lvchange -an "$vg/$lv"
	quietly dmsetup message "$vg-$pool-tpool" 0 "delete ${id// /}"
}

# open_snapshot LV activates a snapshot and keeps it open, as a restore would.
open_snapshot() {
	quietly lvchange -ay -K "$vg/$1"
	sleep 1000 <"/dev/$vg/$1" &
	opener=$!
}

# close_snapshot LV undoes open_snapshot.
close_snapshot() {
	kill "$opener"
	wait "$opener" || true
	quietly lvchange -an "$vg/$1"
}

guard_programs
use_policy homelab
write_kubeconfig
