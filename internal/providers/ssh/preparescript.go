package ssh

// What is here runs over there as what is in script.go does.

// prepareScript makes the folders of an action. A tree in its work folder is gone on
// with if it is for the same content, by the mark that is in there: files of it may be
// links to a version, whose attributes must never be changed. One for another content is
// put aside, to be linked to, and of two such ones the one that takes up more stays. It
// may be cut off anywhere: without a mark, no tree is for the same.
const prepareScript = `
set -e
takes() { set -- $(du -sk "$1" 2>/dev/null); printf "%s" "${1:--1}"; }
arg; root=$value
arg; work=./.bkplan/work/$value
arg; mark=$value
(umask 022; mkdir -p "./$root")
cd "./$root"
if [ -e "$work" ] && [ "$(cat "$work/mark" 2>/dev/null)" != "$mark" ]; then
  rm -f "$work/mark" "$work/receipt"
  reached unmarked
  kind "$work/tree"
  if [ $k = d ]; then
    lesser=earlier
    if [ -e "$work/earlier" ] && [ "$(takes "$work/earlier")" -ge "$(takes "$work/tree")" ]; then lesser=tree; fi
    rm -rf "$work/$lesser"
    reached dropped
    if [ $lesser = earlier ]; then mv "$work/tree" "$work/earlier"; fi
  fi
  reached kept
  for p in "$work"/*; do
    case ${p##*/} in earlier|partial) ;; *) rm -rf "$p" ;; esac
  done
fi
mkdir -p "$work/partial"
printf "%s\n" "$mark" > "$work/mark.new"
mv -f "$work/mark.new" "$work/mark"
arg
if [ -n "$value" ]; then (umask 022; mkdir -p "./$value"); fi
reached marked
kind "$work/earlier"
fact earlier "$k"
end
`
