package schedule

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// ParseError says which words of an expression are wrong, why, and how to mend
// them.
type ParseError struct {
	Expr string
	// Offset and Length are the offending words of Expr, in bytes. Length is 0
	// where something is missing.
	Offset, Length int
	// Reason is what is wrong, as a phrase without a full stop.
	Reason string
	// Hint is how to mend it, as a phrase without a full stop; it may be empty.
	Hint string
}

func (e *ParseError) Error() string {
	text := fmt.Sprintf("parse calendar expression %q: %s", e.Expr, e.Reason)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// fault is a ParseError that does not know the expression yet.
type fault struct {
	at           word
	reason, hint string
}

func (f *fault) Error() string { return f.reason }

func faultAt(at word, hint, reason string, args ...any) error {
	return &fault{at, fmt.Sprintf(reason, args...), hint}
}

// word is a part of an expression that knows where it stands.
type word struct {
	text   string
	offset int
}

// part returns the bytes from i to j of the word.
func (w word) part(i, j int) word { return word{w.text[i:j], w.offset + i} }

// cut splits the word around the first separator.
func (w word) cut(separator string) (before, after word, found bool) {
	i := strings.Index(w.text, separator)
	if i < 0 {
		return w, word{"", w.offset + len(w.text)}, false
	}
	return w.part(0, i), w.part(i+len(separator), len(w.text)), true
}

// splitAny splits the word around every byte that is one of separators.
func (w word) splitAny(separators string) []word {
	var parts []word
	from := 0
	for i := range len(w.text) {
		if strings.IndexByte(separators, w.text[i]) >= 0 {
			parts = append(parts, w.part(from, i))
			from = i + 1
		}
	}
	return append(parts, w.part(from, len(w.text)))
}

// nearMiss returns "did you mean …?" for the candidate that differs least from
// text, or "" when none is close.
func nearMiss(text string, candidates []string) string {
	text = strings.ToLower(text)
	best, distance := "", 1+len(text)/3
	for _, c := range candidates {
		if d := levenshtein.Distance(text, strings.ToLower(c), nil); d <= distance && (best == "" || d < distance) {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}
