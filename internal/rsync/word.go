package rsync

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// Deleted are the names that rsync deletes by its own account, as it writes them.
func Deleted(stdout []byte) []string {
	var names []string
	for line := range bytes.Lines(stdout) {
		if name, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), "deleting "); ok {
			names = append(names, name)
		}
	}
	return names
}

// Skipped counts the device nodes and sockets that rsync leaves out by its own
// account.
func Skipped(stdout []byte) int {
	return strings.Count("\n"+string(stdout), "\nskipping non-regular file ")
}

var escaped = regexp.MustCompile(`\\#[0-3][0-7]{2}`)

// Unescape gives a name back the bytes that rsync writes as \#ooo.
func Unescape(name string) string {
	return escaped.ReplaceAllStringFunc(name, func(code string) string {
		b, _ := strconv.ParseUint(code[2:], 8, 8) // the form has been checked
		return string([]byte{byte(b)})
	})
}
