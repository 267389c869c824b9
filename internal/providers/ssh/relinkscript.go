package ssh

// What is here runs over there as what is in script.go does.

// buildScript runs rsync over there, from one folder to another, with the words that
// follow the two first arguments, and tells what it wrote.
const buildScript = `
set -e
arg; cd "./$value"
arg; work=./.bkplan/work/$value
arg; n=$value
set --
while [ "$n" -gt 0 ]; do n=$((n - 1)); arg; set -- "$@" "$value"; done
[ -d "$work" ] || fail "the work folder is gone"
output=$(rsync "$@" < /dev/null)
fact output "$output"
end
`

// exchangeScript puts a tree of the work folder in the place of a version that is the
// same. While the version has two names or none it has no receipt; what is to be
// done about that is in the file swap, so that it can be undone or ended.
const exchangeScript = `
set -e
arg; cd "./$value"
arg; work=./.bkplan/work/$value
arg; tree=$work/$value
arg; path=./$value
arg; receipt=./$value
[ -d "$tree" ] && [ -d "$path" ] && [ ! -L "$path" ] || fail "the version is not what it was"
if [ -f "$receipt" ]; then cat "$receipt" > "$work/receipt.new"; mv -f "$work/receipt.new" "$work/receipt"; fi
mv "$tree" "$work/tree"
printf "%s/" "${path#./}" > "$work/swap.new"
sync
mv -f "$work/swap.new" "$work/swap"
sync
reached noted
rm -f "$receipt"
reached unproven
mv "$path" "$work/old"
reached moved
mv "$work/tree" "$path"
reached named
sync
if [ -f "$work/receipt" ]; then mv -f "$work/receipt" "$receipt"; sync; fi
reached proven
rm -f "$work/swap"
end
`

// recoverScript gives a version its name and its receipt back, which a run that was
// cut off had taken from it. A receipt that is there stays: a later run may have sent
// the version anew. It may be run again.
const recoverScript = `
set -e
arg; cd "./$value"
arg; work=./.bkplan/work/$value
arg; path=./$value
arg; receipt=$value
if [ ! -e "$path" ] && [ ! -L "$path" ]; then
  (umask 022; mkdir -p "${path%/*}")
  if [ -d "$work/old" ]; then mv "$work/old" "$path"; else mv "$work/tree" "$path"; fi
fi
if [ -n "$receipt" ] && [ -f "$work/receipt" ] && [ ! -f "./$receipt" ]; then
  mkdir -p "./${receipt%/*}"
  sync
  mv -f "$work/receipt" "./$receipt"
fi
sync
rm -f "$work/swap"
end
`
