package plan

import (
	"path"
	"strings"
)

// Match says whether a glob (`*`, `?`, `[a-z]`) matches a whole name. Unlike
// in a shell, `*` matches slashes as well, so that `*` selects everything. A
// malformed pattern matches nothing; ValidGlob tells.
func Match(pattern, name string) bool {
	matched, err := path.Match(flatten(pattern), flatten(name))
	return err == nil && matched
}

// ValidGlob says whether Match understands a pattern.
func ValidGlob(pattern string) bool {
	_, err := path.Match(flatten(pattern), "")
	return err == nil
}

func flatten(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

func matchAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if Match(p, name) {
			return true
		}
	}
	return false
}

// selects says whether a list of globs, of which none means all, has name.
func selects(patterns []string, name string) bool {
	return len(patterns) == 0 || matchAny(patterns, name)
}
