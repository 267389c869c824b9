package timer

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// header is the first line of each file that bkplan writes; a file without it is
// somebody else's.
const header = "# Written by `bkplan timers`; changes belong into a drop-in: `systemctl edit UNIT`."

const digestPrefix = "# sha256:"

// Seal puts a header before the text of a unit, by which Judge knows it.
func Seal(text string) string {
	return header + "\n" + digestPrefix + digest(text) + "\n" + text
}

// Authorship says who has written a file.
type Authorship int

// Whose a file is.
const (
	Foreign Authorship = iota // not written by bkplan
	Edited                    // written by bkplan, and changed since
	Own                       // as bkplan wrote it, if perhaps for another policy
)

// Judge says who has written a file, by its text alone.
func Judge(text string) Authorship {
	rest, own := strings.CutPrefix(text, header+"\n")
	if !own {
		return Foreign
	}
	sum, body, found := strings.Cut(rest, "\n")
	if !found || sum != digestPrefix+digest(body) {
		return Edited
	}
	return Own
}

var policyWord = regexp.MustCompile(`(?m)^ExecStart=.* ("--file=[^"]*"|--file=\S*)`)

// SamePolicy says whether two units run bkplan with one policy, by the path of it.
func SamePolicy(a, b string) bool {
	return policyOf(a) == policyOf(b)
}

func policyOf(text string) string {
	if found := policyWord.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
