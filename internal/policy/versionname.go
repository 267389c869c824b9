package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// defaultVersion names one version a slot.
const defaultVersion = "%Y-%m-%d_%H%M"

// versionDirectives are the strftime directives of a version's name, each with
// those of which one at least must stand beside it to fix a point in time.
var versionDirectives = map[byte]string{
	'Y': "", 'm': "Y", 'd': "m", 'j': "Y", 'U': "Y", 'W': "Y", 'G': "V", 'V': "G", 'H': "dj", 'M': "H", 'S': "M",
}

// versionFormat checks a strftime format: its names are directories, and tell
// which of two versions is the later one.
func versionFormat(text string) (string, *flaw) {
	if strings.HasPrefix(text, ".") {
		return "", &flaw{detail: "Names that start with a dot are those of versions in the making.", length: 1}
	}
	present := map[byte]int{}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '/' || isControl(rune(c)) || c >= 0x80:
			return "", &flaw{detail: "A version is one directory: its name has no / and nothing outside of plain ASCII.", offset: i, length: 1}
		case c != '%':
		case i+1 == len(text):
			return "", &flaw{detail: "The last % has no letter behind it.", offset: i, length: 1}
		default:
			i++
			if _, known := versionDirectives[text[i]]; !known {
				return "", unknownDirective(i-1, text)
			}
			present[text[i]] = i - 1
		}
	}
	return text, timeless(present)
}

func unknownDirective(at int, text string) *flaw {
	wrong := &flaw{
		detail: "The name of a version is made of %Y (year), %m (month), %d (day), %j (day of the year), %U and %W (week), %G and %V (ISO year and week), %H, %M and %S (hour, minute and second).",
		offset: at, length: 2,
	}
	if short := map[byte]string{'y': "%Y", 'g': "%G", 'F': "%Y-%m-%d", 'R': "%H%M", 'u': "%W"}[text[at+1]]; short != "" {
		wrong.hint = "write " + short
	}
	return wrong
}

// timeless is the flaw of a format under whose names times repeat: a month
// without its year, say.
func timeless(present map[byte]int) *flaw {
	if len(present) == 0 {
		return &flaw{
			detail: "Every version would have the same name.",
			hint:   fmt.Sprintf("write %q for one version a slot, %q for one a week", defaultVersion, "%Y-%W"),
		}
	}
	for _, directive := range slices.Sorted(maps.Keys(present)) {
		needs := versionDirectives[directive]
		if needs == "" || hasAny(present, needs) {
			continue
		}
		wrong := &flaw{
			detail: fmt.Sprintf("Names with %%%c repeat, and do not tell which version is the later one, without %%%s.",
				directive, strings.Join(strings.Split(needs, ""), " or %")),
			offset: present[directive], length: 2,
		}
		if directive == 'V' && hasAny(present, "Y") {
			wrong.hint = "write %G-%V, the ISO year with the ISO week, or %Y-%W"
		}
		return wrong
	}
	return nil
}

func hasAny(present map[byte]int, directives string) bool {
	for _, d := range []byte(directives) {
		if _, ok := present[d]; ok {
			return true
		}
	}
	return false
}
