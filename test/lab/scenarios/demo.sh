# The main job before your eyes: a policy, what it would change, the change, and
# that nothing is left to do.
source /mnt/lab/lib.sh

bold='' plain=''
if [[ -n $LAB_COLUMNS ]]; then
	bold=$'\e[1;36m' plain=$'\e[0m'
fi

chapter() { printf '\n%s── %s%s\n' "$bold" "$*" "$plain"; }

# shown STATUS ARGS… shows bkplan, which is to end so.
shown() {
	show "${@:2}"
	expect_status "$1"
}

pool_create pve data 1G
for claim in vaultwarden/data nextcloud/data forgejo/data headscale/data dbaas/postgresql monitoring/prometheus mealie/data; do
	pvc "$claim"
done
for claim in vaultwarden/data nextcloud/data; do
	for day in 06 14 15; do
		old_snapshot "$claim" "202611${day}_0300"
	done
done
old_snapshot mealie/data 20261115_0300
pvc_gone mealie/data
vm_disk vm-9999-photos
pv photos/photos homelab/pve/local-lvm/vm-9999-photos "$driver" 1G
cluster_up

chapter '1. A pool with volumes, and last week'\''s snapshots by an old script'
lvs --noheadings -o lv_name,lv_size -O lv_name pve | sed -n '1p; /cf9aa73f/p'
echo '  … and so on'

chapter '2. The policy says what shall be true'
sed -n '/^exclude "dbaas"/,/^}/p; /^layer/,$p' "$BKPLAN_POLICY"

chapter '3. The plan says what that would change; nothing is changed yet'
shown 0 plan -o /run/lab/night.plan

chapter '4. Apply does just that'
printf '\n$ bkplan apply /run/lab/night.plan\n'
bkplan apply /run/lab/night.plan | sed -nu '/^Plan: /,$p' | cut -c "1-${LAB_COLUMNS:-80}"

chapter '5. Plan again: nothing is left to do'
shown 0 plan

chapter '6. Drift: what needs a person'
shown 2 drift
printf '\n%sThat was a real thin pool. README.md leads from here to your own.%s\n' "$bold" "$plain"
