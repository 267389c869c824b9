# A saved plan is carried out once, and only in the world that it was made for.
# Each refusal says why, and changes nothing.
source /mnt/lab/lib.sh

claims=(vault/data-vault-0 forgejo/forgejo-data freshrss/freshrss-data)
saved=/run/lab/saved.plan

# refused WHY applies the saved plan, which must not do anything.
refused() {
	remember_world
	apply "$saved"
	expect_status 1
	expect_line "$1"
	expect_line 'bkplan plan -o FILE'
	expect_same_world
}

pool_create pve data 1G
for claim in "${claims[@]}"; do
	pvc "$claim"
	for day in 08 13 14 15; do
		old_snapshot "$claim" "202611${day}_0300"
	done
done
cluster_up

say 'Saved, shown, applied'
plan -o "$saved"
expect_status 0
[[ $(stat -c %a "$saved") == 600 ]] || fail 'others may read the plan'
run_bkplan show "$saved"
expect_status 0
expect_line 'Plan: 3 to create, 3 to prune'
apply "$saved"
expect_status 0
expect_no_changes

say 'Not twice'
refused 'applied already'

say 'Days later: not on another host'
clock '20261120 12:00'
plan -o "$saved"
expect_line 'Plan: 3 to create, 3 to prune'
echo pve2 >/proc/sys/kernel/hostname
refused 'made for host pve, and this is pve2'
echo pve >/proc/sys/kernel/hostname

say 'Not under another policy'
sed -i.bak 's/keep_within = "7d"/keep_within = "6d"/' "$BKPLAN_POLICY"
refused 'the policy has changed'
mv "$BKPLAN_POLICY.bak" "$BKPLAN_POLICY"

say 'Not when somebody made a version meanwhile'
old_snapshot forgejo/forgejo-data 20261120_0400
refused "_snap_20261120_0400"
quietly lvremove -y "pve/$(lv_of forgejo/forgejo-data)_snap_20261120_0400"

say 'Not when what it prunes was removed or replaced by hand'
first=$(lv_of vault/data-vault-0)_snap_20261113_0300
quietly lvremove -y "pve/$first"
refused "pve/$first is no version of $(lv_of vault/data-vault-0) any more"
old_snapshot vault/data-vault-0 20261113_0300
refused "pve/$first is another volume now"

say 'Not two days later'
clock '20261122 12:00'
refused 'the plan expired at'

say 'A new one is carried out, with what was acknowledged when it was made'
plan --acknowledge-prunes snapshots -o "$saved"
apply "$saved"
expect_status 0
expect_no_changes
