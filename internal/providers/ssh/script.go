package ssh

import (
	"strings"

	"github.com/bkplan/bkplan/internal/openssh"
)

// What runs over there is one of these texts, for a shell like that of BusyBox.
// They are constant: all that varies comes as arguments on stdin, one a line, each
// byte of which is a plain character or escaped. A script answers in a frame on
// stdout, with facts that each end with a zero byte. No text holds a single quote.

// prelude begins every script. The first argument names the frame, the second is
// the folder that the script works in.
const prelude = `
LC_ALL=C; export LC_ALL
umask 077
arg() { IFS= read -r line || exit 64; value=$(printf "%b." "$line"); value=${value%.}; }
fact() { printf "%s=%s\0" "$1" "$2"; }
fail() { printf "%s\n" "$1" >&2; exit 1; }
end() { printf "\n%s end\n" "$frame"; exit 0; }
kind() {
  if [ -L "$1" ]; then k=l; elif [ -d "$1" ]; then k=d; elif [ -f "$1" ]; then k=f; elif [ -e "$1" ]; then k=o; else k=-; fi
}
way() {
  w=.; k=d; rest=$1/
  [ "$1" = . ] && return 0
  while [ -n "$rest" ]; do
    w=$w/${rest%%/*}; rest=${rest#*/}
    kind "$w"
    [ $k = d ] || return 0
  done
}
where() {
  d=$(pwd -P)
  fact path "$d"
  while ! table=$(df -P -k "$d" 2>/dev/null); do
    [ "$d" = / ] && break
    d=${d%/*}; d=${d:-/}
  done
  fact blocks "$table"
  fact inodes "$(df -P -i "$d" 2>/dev/null)"
  if [ -w . ]; then fact writable yes; fi
}
arg; frame=$value
printf "\n%s begin\n" "$frame"
arg; base=$value
if [ ! -e "$base" ]; then fact base missing; end
elif [ ! -d "$base" ]; then fact base file; end
elif ! cd "$base" 2>/dev/null; then fact base closed; end
fi
fact base found
`

// observeScript lists roots below the base: of each the folders to their depth, and
// the receipts of all in one archive at the end. Of a share of a Synology it asks how
// long its snapshots are kept; the words of that tool are told as they are.
const observeScript = `
list() {
  if [ ! -r "$1" ] || [ ! -x "$1" ]; then fact denied "$1"; return 0; fi
  for p in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    kind "$p"
    [ $k = - ] && continue
    fact entry "$k$p"
    case $p in */.bkplan|*/@eaDir) continue ;; esac
    if [ $k = d ] && [ "$2" -gt 1 ]; then list "$p" $(($2 - 1)); fi
  done
}
fact clock "$(date +%s)"
fact mounts "$(cat /proc/mounts 2>/dev/null)"
arg
if [ -n "$value" ]; then
  PATH=$PATH:/usr/syno/bin
  words=$(synoretentionconf --get "Share#" "$value" </dev/null 2>&1)
  fact snapshots "$? $words"
fi
arg; roots=$value
set --
while [ "$roots" -gt 0 ]; do
  roots=$((roots - 1))
  arg; root=$value
  way "$root"
  fact root "$k"
  there=$k
  if [ "$there" = d ]; then
    (cd "./$root" && where)
    way "$root/.bkplan/receipts"
    fact receipts "$k"
    if [ $k = d ]; then set -- "$@" "./$root/.bkplan/receipts"; fi
    way "$root/.bkplan/work"
    fact work "./$root/.bkplan/work"
    if [ $k = d ]; then list "./$root/.bkplan/work" 1; fi
  fi
  arg; folders=$value
  while [ "$folders" -gt 0 ]; do
    folders=$((folders - 1))
    arg; folder=$root/$value
    arg; depth=$value
    [ "$there" = d ] || continue
    way "$folder"
    fact folder "$k./$folder"
    if [ $k = d ] && [ "$depth" -gt 0 ]; then list "./$folder" "$depth"; fi
  done
done
fact archive $#
status=0
if [ $# -gt 0 ]; then tar cf - "$@" || status=$?; fi
[ $status = 0 ] || fail "the receipts cannot all be read"
end
`

// lookScript tells what an action has to know of a root: the kinds of some places,
// the texts of some files, and the receipts of one volume, or of all mirrors.
const lookScript = `
text() { if [ "$(($(wc -c < "$1")))" -le 1048576 ]; then cat < "$1"; fi; }
read_receipt() { if [ -f "$p" ] && [ ! -L "$p" ]; then fact at "$p"; fact receipt "$(text "$p")"; fi; }
fact clock "$(date +%s)"
fact user "$(id -u)"
fact rsync "$(rsync --version 2>/dev/null)"
fact mounts "$(cat /proc/mounts 2>/dev/null)"
arg; root=$value
way "$root"
fact root "$k"
if [ $k = d ]; then cd "./$root" || fail "no way into the folder of the copy"; there=yes; else there=no; fi
where
arg; n=$value
while [ "$n" -gt 0 ]; do
  n=$((n - 1))
  arg
  if [ $there = yes ]; then way "$value"; else k=-; fi
  fact kind "$k$w"
done
arg; n=$value
while [ "$n" -gt 0 ]; do
  n=$((n - 1))
  arg
  if [ $there = yes ]; then way "$value"; else k=-; fi
  if [ $k = f ] && [ "$w" = "./$value" ]; then fact text "$(text "./$value")"; else fact text ""; fi
done
arg; layer=$value
arg; file=$value
if [ $there = yes ] && [ -n "$layer" ]; then
  for p in ./.bkplan/receipts/"$layer"/*/"$file"; do
    read_receipt
  done
fi
arg; synced=$value
if [ $there = yes ] && [ -n "$synced" ]; then
  for p in ./.bkplan/receipts/*/"$synced"/*.json; do
    read_receipt
  done
fi
end
`

// sealScript gives a transferred version its name: after it, what is there has a
// receipt, or none, but never that of another. It may be run again after it was cut
// off anywhere, and after its end: then the work folder is gone, or has the receipt no
// more. The rest of stdin is the receipt. What was sent before a version changed may be
// large: it is left for cleanScript.
const sealScript = `
set -e
arg; cd "./$value"
arg; work=./.bkplan/work/$value
arg; path=./$value
arg; receipt=./$value
arg; manifest=./$value
arg; size=$value
arg; how=$value
if [ ! -d "$work" ]; then
  [ "$(cat)" = "$(cat "$receipt" 2>/dev/null)" ] && [ -d "$path" ] || fail "what was sent is gone"
  end
fi
cat > "$work/receipt.new"
[ "$(($(wc -c < "$work/receipt.new")))" = "$size" ] || fail "the receipt was cut short on its way"
if [ $how != stays ] && [ ! -d "$work/tree" ] && [ ! -f "$work/receipt" ]; then
  [ "$(cat "$work/receipt.new")" = "$(cat "$receipt" 2>/dev/null)" ] || fail "what was sent is gone"
fi
sync
mv -f "$work/receipt.new" "$work/receipt"
reached pending
mkdir -p "${receipt%/*}" "${manifest%/*}"
if [ -n "$path" ] && [ "$path" != ./ ]; then
  (umask 022; mkdir -p "${path%/*}")
  if [ -d "$work/tree" ]; then
    there=no
    if [ -e "$path" ] || [ -L "$path" ]; then
      [ $how = replaces ] || fail "something else has taken the name of the version"
      there=yes
    fi
    rm -f "$receipt"
    reached unproven
    if [ $there = yes ]; then
      mv "$path" "$work/old.$$"
      reached moved
    fi
    mv "$work/tree" "$path"
    reached named
  fi
  if [ -L "$path" ] || [ ! -d "$path" ]; then fail "the version is gone"; fi
fi
if [ -f "$work/manifest" ]; then mv -f "$work/manifest" "$manifest"; fi
sync
mv -f "$work/receipt" "$receipt"
sync
reached proven
[ $how = replaces ] || [ -e "$work/earlier" ] || rm -rf "$work"
reached sealed
end
`

// pruneScript takes a version away: its receipt first, then its name.
const pruneScript = `
set -e
arg; cd "./$value"
arg; work=./.bkplan/work/$value
arg; path=./$value
arg; receipt=./$value
arg; manifest=./$value
arg; directory=./$value
rm -f "$receipt"
reached unproven
rm -f "$manifest"
mkdir -p "$work"
if [ -d "$path" ] && [ ! -L "$path" ]; then mv "$path" "$work/pruned.$$"; fi
sync
reached moved
path=${path%/*}
while [ "$path" != "$directory" ] && [ "$path" != . ] && rmdir "$path" 2>/dev/null; do path=${path%/*}; done
rmdir "${receipt%/*}" "${manifest%/*}" 2>/dev/null || :
end
`

// fetchScript gives one file as it is.
const fetchScript = `
arg; cd "./$value" || fail "no way into the folder of the copy"
arg; way "$value"
if [ $k = f ] && [ "$w" = "./$value" ]; then fact archive 1; cat < "./$value" || fail "cannot read a manifest"; else fact archive 0; fi
end
`

// cleanScript removes one name in the work folder. It may take long, and goes on without
// its connection: it stops where another run prepares the same.
const cleanScript = `
set -e
arg; cd "./$value"
arg; work=./.bkplan/work/$value
kind "$work"
if [ $k = d ]; then
  rm -f "$work/turn"
  for p in "$work"/*; do
    [ ! -e "$work/turn" ] || fail "another run is preparing the same over there"
    rm -rf "$p"
  done
  [ ! -e "$work/turn" ] || fail "another run is preparing the same over there"
fi
rm -rf "$work"
end
`

// nothingReached is what a script does where it could be cut off, but in tests.
const nothingReached = "reached() { :; }"

// remoteCommand is the one word that runs a script over there.
func remoteCommand(reached, script string) string {
	return "exec sh -c " + openssh.Quote(reached+prelude+script)
}

// encode makes lines of arguments, which printf reads as they were.
func encode(arguments []string) []byte {
	var b strings.Builder
	for _, a := range arguments {
		for i := range len(a) {
			if c := a[i]; plain(c) {
				b.WriteByte(c)
			} else {
				b.WriteString(`\0`)
				b.WriteByte('0' + c>>6)
				b.WriteByte('0' + c>>3&7)
				b.WriteByte('0' + c&7)
			}
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_./=:@", c) >= 0
}
