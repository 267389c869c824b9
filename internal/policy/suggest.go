package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Suggesting is not worth more time than this takes.
const (
	maxMeant      = 100 // bytes
	maxCandidates = 2000
)

// nearest returns the candidate that differs least from given, or "" when none
// is close enough to have been meant.
func nearest(given string, candidates []string) string {
	if len(given) > maxMeant || len(candidates) > maxCandidates {
		return ""
	}
	given = strings.ToLower(given)
	best, distance := "", 1+len(given)/3
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		d := levenshtein.Distance(given, strings.ToLower(c), nil)
		if d < distance || d == distance && best == "" {
			best, distance = c, d
		}
	}
	return best
}

// didYouMean is the hint for a near miss, in quotes; "" when there is none.
func didYouMean(given string, candidates []string) string {
	if meant := nearest(given, candidates); meant != "" {
		return fmt.Sprintf("did you mean %q?", meant)
	}
	return ""
}

// oneOf lists words for a sentence: "a", "a or b", "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// aOrAn puts the article before a word.
func aOrAn(word string) string {
	for _, start := range []string{"a", "e", "i", "o", "u", "lvm", "ntfy", "ssh"} {
		if strings.HasPrefix(word, start) {
			return "an " + word
		}
	}
	return "a " + word
}

// andAll lists words for a sentence: "a", "a and b", "a, b and c".
func andAll(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func quoted(words []string) []string {
	var list []string
	for _, word := range words {
		list = append(list, fmt.Sprintf("%q", word))
	}
	return list
}

// shorten cuts what a message quotes from a policy.
func shorten(text string) string {
	const limit = 60
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
