package ssh

// What is here runs over there as what is in script.go does.

// prepareScript makes the folders of an action. A tree in its work folder is gone on
// with if it is for the same content, by the mark that is in there: files of it may be
// links to a version, whose attributes must never be changed. One for another content is
// put aside, to be linked to, and of two such ones the one that takes up more stays. It
// may be cut off anywhere: without a mark, no tree is for the same. A shell that has lost
// its connection goes on for as long as it writes nothing: it looks whether it is still
// its turn before it changes anything, and may be removing the same as this one.
const prepareScript = `
set -e
takes() { set -- $(du -sk "$1" 2>/dev/null); printf "%s" "${1:--1}"; }
turn() { [ "$(cat "$work/turn" 2>/dev/null)" = "$frame" ] || fail "another run is preparing the same over there"; }
arg; root=$value
arg; work=./.bkplan/work/$value
arg; mark=$value
(umask 022; mkdir -p "./$root")
cd "./$root"
mkdir -p "$work/partial"
printf "%s\n" "$frame" > "$work/turn"
if [ "$(cat "$work/mark" 2>/dev/null)" != "$mark" ]; then
  rm -f "$work/mark" "$work/receipt"
  reached unmarked
  kind "$work/tree"
  if [ $k = d ]; then
    lesser=earlier
    if [ -e "$work/earlier" ] && [ "$(takes "$work/earlier")" -ge "$(takes "$work/tree")" ]; then lesser=tree; fi
    reached weighed
    turn
    if [ -e "$work/$lesser" ]; then mv "$work/$lesser" "$work/gone.$frame"; fi
    reached dropped
    if [ $lesser = earlier ]; then mv "$work/tree" "$work/earlier"; fi
  fi
  reached kept
  for p in "$work"/*; do
    turn
    case ${p##*/} in earlier|partial|turn) ;; *) rm -rf "$p" || rm -rf "$p" ;; esac
  done
  printf "%s\n" "$mark" > "$work/mark.new"
  turn
  mv -f "$work/mark.new" "$work/mark"
fi
arg
if [ -n "$value" ]; then
  rm -f "$work/receipt"
  (umask 022; mkdir -p "./$value")
fi
reached marked
kind "$work/earlier"
fact earlier "$k"
end
`
