package ssh

// takeBackScript removes receipts, and replaces one by the rest of stdin, if there is
// any: a power cut leaves nothing that could be read in its place. The folder of the
// action must be there.
const takeBackScript = `
set -e
arg; cd "./$value"
arg; work=./.bkplan/work/$value
arg; receipt=./$value
arg; size=$value
arg; n=$value
while [ "$n" -gt 0 ]; do
  n=$((n - 1))
  arg; way "$value"
  if [ $k = f ] && [ "$w" = "./$value" ]; then rm -f "$w"; fi
done
if [ "$size" -gt 0 ]; then
  cat > "$work/receipt.new"
  [ "$(($(wc -c < "$work/receipt.new")))" = "$size" ] || fail "the receipt was cut short on its way"
  mv -f "$work/receipt.new" "$receipt"
fi
sync
end
`
