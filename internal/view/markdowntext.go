package view

import (
	"fmt"
	"html"
	"strings"
)

// codeSpan writes a name as a code span, inside of which neither markup nor
// mentions nor links exist. The two characters that could end the span or a
// table's cell are written as escapes.
func codeSpan(name string) string {
	safe := strings.NewReplacer("`", `\x60`, "|", `\x7c`).Replace(escape(name))
	if strings.TrimSpace(safe) == "" {
		safe = `"` + safe + `"`
	}
	return "`" + safe + "`"
}

// htmlCode writes a name where markdown is not looked at, such as in a
// summary element.
func htmlCode(name string) string { return "<code>" + html.EscapeString(escape(name)) + "</code>" }

// zeroWidth keeps a mention or a reference from being one.
const zeroWidth = "&#8203;"

var markdownEscapes = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;"+zeroWidth, "#", "&#35;"+zeroWidth,
	"://", "&#58;//", "www.", "www&#46;",
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`,
	"~", `\~`, "|", `\|`, "!", `\!`, "$", `\$`,
)

// markdownText writes text for people, in which nothing is markup.
func markdownText(text string) string { return markdownEscapes.Replace(sentence(text)) }

// commentLimit is how many characters GitHub takes in a comment. Bytes are
// counted here, of which there are never fewer.
const commentLimit = 65_536

// comment is markdown in the making, cut to the limit of a comment.
type comment struct {
	strings.Builder
	left int // what did not fit: rows, lines and sections
}

// reserve is room for closing what is open and for the note about the cut.
const reserve = 512

// add writes a line if it fits.
func (c *comment) add(format string, args ...any) bool {
	line := fmt.Sprintf(format, args...) + "\n"
	if c.Len()+len(line) > commentLimit-reserve {
		c.left++
		return false
	}
	c.WriteString(line)
	return true
}

// section writes a folded section with a table. The summary is HTML, the
// header and the rows are cells in markdown.
func (c *comment) section(summary string, header []string, rows func(row func(cells ...string))) {
	opening := fmt.Sprintf("<details>\n<summary>%s</summary>\n\n| %s |\n|%s", summary, strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	if !c.add("%s", opening) {
		return
	}
	before := c.left
	rows(func(cells ...string) { c.add("| %s |", strings.Join(cells, " | ")) })
	if cut := c.left - before; cut > 0 {
		fmt.Fprintf(c, "| … and %d more |\n", cut)
	}
	c.WriteString("\n</details>\n\n")
}

// end adds the note about what was cut.
func (c *comment) end(command string) string {
	if c.left > 0 {
		fmt.Fprintf(c, "_Cut to fit into a comment; `%s` shows all._\n", command)
	}
	return strings.TrimRight(c.String(), "\n") + "\n"
}
