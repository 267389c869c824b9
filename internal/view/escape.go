package view

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// escape makes a name safe to print: control characters, escape sequences,
// line breaks, marks that reverse the text, invisible ones and bytes that are
// no UTF-8 are written as Go writes them in a string literal, and so is the
// backslash. Printable names stay as they are.
func escape(name string) string {
	if plain(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(0x100|uint64(name[i]), 16)[1:])
		case r == '\\':
			b.WriteString(`\\`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// sentence makes text for people safe to print, with its line breaks and runs
// of space as single spaces. A backslash stays as it is, since the text quotes
// names already.
func sentence(text string) string {
	return strings.ReplaceAll(escape(strings.Join(strings.Fields(text), " ")), `\\`, `\`)
}
