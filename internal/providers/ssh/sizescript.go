package ssh

// What is here runs over there as what is in script.go does.

// takesScript tells how much is in a folder, in KiB.
const takesScript = `
arg; cd "./$value" || fail "no way into the folder of the copy"
arg; set -- $(du -sk "./$value" 2>/dev/null)
fact takes "${1:-}"
end
`

// sizesScript adds up files of a folder whose names come on stdin, zero bytes
// between them.
const sizesScript = `
arg; cd "./$value" || fail "no way into the folder of the copy"
fact sizes "$(xargs -0 ls -lnd 2>/dev/null)"
end
`
