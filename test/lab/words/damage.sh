# damage.sh - volumes on whose disk something else is now than a sound file system.
#
#   device_of NS/CLAIM             prints the volume's device; nobody has it mounted
#   overwritten NS/CLAIM FROM KIB random bytes, FROM KiB behind its beginning
#   overwritten_journal NS/CLAIM   the journal of an ext4, which then cannot be replayed
#   overwritten_log NS/CLAIM       that of an XFS
#   turned_into_swap NS/CLAIM
#   expect_failure ACTION NS/CLAIM TEXT    one action has failed, and says so

device_of() { echo "/dev/$vg/$(lv_of "$1")"; }

overwritten() {
	local device
	device=$(device_of "$1")
	dd if=/dev/urandom of="$device" bs=1K seek="$2" count="$3" conv=notrunc,fsync 2>/dev/null
}

overwritten_journal() {
	local device first size
	device=$(device_of "$1")
	size=$(dumpe2fs -h "$device" 2>/dev/null | awk '/^Block size/ { print $3 }')
	read -r first _ < <(debugfs -R 'blocks <8>' "$device" 2>/dev/null)
	overwritten "$1" $((first * size / 1024)) 64
}

overwritten_log() {
	local device start sector
	device=$(device_of "$1")
	start=$(xfs_db -r -c 'sb 0' -c 'print logstart' "$device" | tr -dc 0-9)
	sector=$(xfs_db -r -c "convert fsblock $start daddr" "$device" | sed 's/.*(\(.*\))/\1/')
	overwritten "$1" $((sector / 2)) 4096
}

turned_into_swap() {
	quietly wipefs -a "$(device_of "$1")"
	quietly mkswap "$(device_of "$1")"
}

# expect_failure looks at the line of one action, of the layer weekly.
expect_failure() {
	local lines
	lines=$(grep -F "failed   $1 layer.weekly[\"$2\"]" "$out") || fail "no failed $1 of $2"
	[[ $(wc -l <<<"$lines") == 1 ]] || fail "$2 has failed more than once"
	[[ $lines == *"$3"* ]] || fail "the failure of $2 does not say: $3"
}
