package openssh

import "strings"

// Quote makes one word of a text for every shell that knows single quotes.
func Quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
