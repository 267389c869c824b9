package timer

import (
	"fmt"
	"path"
	"strings"
)

// Escape is `systemd-escape NAME`: what stands for a name in the name of a unit.
// No two names have the same.
func Escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c == '/':
			b.WriteByte('-')
		case c == '.' && i > 0, plainInUnitName(c):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

func plainInUnitName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == ':' || c == '_'
}

// mountUnits are the units of all places at which a path may be mounted, the
// outermost first, without the root.
func mountUnits(file string) []string {
	var units []string
	for at := path.Clean(file); at != "/" && at != "."; at = path.Dir(at) {
		if unit := Escape(strings.TrimPrefix(at, "/")) + ".mount"; len(unit) <= maxUnitName {
			units = append([]string{unit}, units...)
		}
	}
	return units
}

// quote writes one word of a setting that splits its value into words, so that
// neither a specifier nor the line's end is seen in it.
func quote(word string) string {
	if word != "" && strings.Trim(word, plainInWord) == "" {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range word {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '%':
			b.WriteString("%%")
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// plainInWord are the characters that need no quotes.
const plainInWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/._-=,@+"

// exactly is the glob that matches a name and nothing else.
func exactly(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}
