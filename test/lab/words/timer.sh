# timer.sh - runs as systemd starts them.
#
#   timer_fires LAYER…     what the units of these layers run, one after the other; $out
#                          has what all of them print, $status the first that is not 0
#   night_of DAY LAYER…    the same, each at its slot of that day, YYYYmmdd

# timer_fires takes the command line out of the units that bkplan prints, and runs it
# with the capabilities of the unit: those are what LVM, mounts and LUKS must do with.
timer_fires() {
	local layer line words worst=0
	print_units
	confine
	line=$(sed -n 's/^ExecStart=:\(.* apply .*\) --layer=%I$/\1/p' /run/lab/units)
	: >/run/lab/fired
	for layer in "$@"; do
		[[ -n $(slot_of "$layer") ]] || fail "there is no timer of $layer"
		read -ra words <<<"$line --layer=$layer"
		PATH=/run/lab/confined:$PATH run_bkplan "${words[@]:1}"
		cat "$out" >>/run/lab/fired
		((worst != 0)) || worst=$status
	done
	cp /run/lab/fired "$out"
	status=$worst
}

night_of() {
	local day=$1 layer worst=0
	shift
	print_units
	: >/run/lab/night
	for layer in "$@"; do
		until_slot "$day" "$(slot_of "$layer")"
		timer_fires "$layer"
		cat "$out" >>/run/lab/night
		((worst != 0)) || worst=$status
	done
	cp /run/lab/night "$out"
	status=$worst
}

print_units() {
	bkplan timers >/run/lab/units 2>/run/lab/units.notes || fail "no units: $(</run/lab/units.notes)"
}

# confine puts a bkplan before the other one that has less privileges.
confine() {
	local allowed
	allowed=$(sed -n 's/^CapabilityBoundingSet=//p' /run/lab/units | head -n 1 | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
	mkdir -p /run/lab/confined
	printf '#!/bin/sh\nexec setpriv --no-new-privs --bounding-set="-all,%s" "%s" "$@"\n' \
		"$allowed" "$(command -v bkplan)" >/run/lab/confined/bkplan
	chmod +x /run/lab/confined/bkplan
}

# slot_of LAYER prints the time of day at which its timer elapses.
slot_of() {
	sed -n "\\|^# .*/bkplan@$1.timer\$|,/^WantedBy/s/^OnCalendar=[^ ]* \\([0-9:]*\\) .*/\\1/p" /run/lab/units | head -n 1
}

# until_slot DAY TIME sets the clock forward, and never back.
until_slot() {
	(($(date +%s) >= $(date -d "$1 $2" +%s))) || clock "$1 $2"
}
