package execx

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCommandLine and maxLastLines bound what an error text shows, in bytes.
const (
	maxCommandLine = 160
	maxLastLines   = 600
)

// commandLine shows an argv, shortened, for people; it is not for a shell.
func commandLine(argv []string) string {
	var line strings.Builder
	for i, argument := range argv {
		if i > 0 {
			line.WriteByte(' ')
		}
		if i > 0 && line.Len()+len(argument) > maxCommandLine {
			line.WriteString("…")
			break
		}
		line.WriteString(word(argument))
	}
	return line.String()
}

// word quotes what could be taken for more or less than one argument.
func word(argument string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./=:,+@%", r)
	}
	for _, r := range argument {
		if !plain(r) {
			return strconv.Quote(argument)
		}
	}
	if argument == "" {
		return `""`
	}
	return argument
}

// lastLines gives the last three lines that say something, escaped and joined
// to one. Warnings are left out where there is anything else.
func lastLines(stderr string) string {
	var lines, warnings []string
	for line := range strings.Lines(stderr) {
		line = Escape(strings.TrimSpace(line))
		switch {
		case line == "":
		case strings.HasPrefix(line, "WARNING:"):
			warnings = append(warnings, line)
		default:
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		lines = warnings
	}
	text := strings.Join(lines[max(0, len(lines)-3):], "; ")
	return shorten(text)
}

// shorten keeps the end of a text, from the beginning of a character on.
func shorten(text string) string {
	if len(text) <= maxLastLines {
		return text
	}
	text = text[len(text)-maxLastLines:]
	for len(text) > 0 && !utf8.RuneStart(text[0]) {
		text = text[1:]
	}
	return "…" + text
}

// Escape makes the words of a program safe to print: what is not printable, or
// not UTF-8, appears as in a Go string.
func Escape(text string) string {
	var escaped strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			escaped.WriteString(text[i : i+size])
		} else {
			quoted := strconv.Quote(text[i : i+size])
			escaped.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return escaped.String()
}
