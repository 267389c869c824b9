package policy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const (
	tabStop  = 4
	minWidth = 40
)

// Text is the diagnostic for a person, in lines of at most width columns, with
// the source underlined. It ends with a line's end and holds no control
// characters, whatever the source holds.
func (d Diagnostic) Text(width int) string {
	width = max(width, minWidth)
	var out strings.Builder
	paragraph(&out, width, string(d.Severity)+": ", "  ", d.Summary)
	if place := d.place(); place != "" {
		fmt.Fprintf(&out, "  %s\n", place)
	}
	d.quote(&out, width)
	if d.Detail != "" {
		paragraph(&out, width, "  ", "  ", d.Detail)
	}
	if d.Hint != "" {
		paragraph(&out, width, "  hint: ", "        ", d.Hint)
	}
	return out.String()
}

// Text is each of them, with an empty line between.
func (ds Diagnostics) Text(width int) string {
	var parts []string
	for _, d := range ds {
		parts = append(parts, d.Text(width))
	}
	return strings.Join(parts, "\n")
}

// quote writes the source lines of the range with carets below.
func (d Diagnostic) quote(out *strings.Builder, width int) {
	if d.Line == 0 || d.Snippet == "" {
		return
	}
	lines := strings.Split(d.Snippet, "\n")
	digits := len(strconv.Itoa(d.Line + len(lines) - 1))
	for i, text := range lines {
		from, to := 1, 1<<30
		if i == 0 {
			from = d.Column
		}
		if d.Line+i == d.EndLine {
			to = d.EndColumn
		}
		if i > 0 && to <= 1 {
			continue
		}
		line := layOut(text, i > 0).cut(from, to, width-digits-7)
		fmt.Fprintf(out, "    %*d | %s\n", digits, d.Line+i, line.text)
		fmt.Fprintf(out, "    %*s | %s%s\n", digits, "", strings.Repeat(" ", line.before), strings.Repeat("^", line.under))
	}
	if d.Line+len(lines)-1 < d.EndLine {
		fmt.Fprintf(out, "    %*s | …\n", digits, "")
	}
}

// cell is one column of source as HCL counts, and how it is shown.
type cell struct {
	text  string
	width int
	blank bool
}

// sourceLine is a line of source in cells.
type sourceLine struct {
	cells []cell
	// trim: the range began on an earlier line, so that what is underlined
	// begins with this line's first word.
	trim bool
}

func layOut(text string, trim bool) sourceLine {
	line := sourceLine{trim: trim}
	column, state := 0, -1
	for text != "" {
		var cluster string
		cluster, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		shown := escape(cluster)
		if cluster == "\t" {
			shown = strings.Repeat(" ", tabStop-column%tabStop)
		}
		c := cell{shown, uniseg.StringWidth(shown), cluster == " " || cluster == "\t"}
		if c.width == 0 { // a combining mark that stands alone
			c.text, c.width = " "+shown, 1
		}
		line.cells = append(line.cells, c)
		column += c.width
	}
	return line
}

// shownLine is a line as it is printed: text, and where the carets stand.
type shownLine struct {
	text          string
	before, under int
}

// cut lays the columns from up to to out for a width; what does not fit is an
// ellipsis, at the end first, so that the beginning of the range is seen.
func (l sourceLine) cut(from, to, width int) shownLine {
	first := min(max(from-1, 0), len(l.cells))
	last := min(max(to-1, first), len(l.cells))
	for l.trim && first < last && l.cells[first].blank {
		first++
	}
	start := 0
	for start < first && widthOf(l.cells[start:min(last, first+10)])+ellipses(start) > width {
		start++
	}
	shown := shownLine{}
	if start > 0 {
		shown = shownLine{text: "…", before: 1}
	}
	used := shown.before
	for i := start; i < len(l.cells); i++ {
		c := l.cells[i]
		if rest := widthOf(l.cells[i:min(len(l.cells), i+width)]); used+rest > width && used+c.width+1 > width {
			shown.text += "…"
			break
		}
		shown.text += c.text
		used += c.width
		switch {
		case i < first:
			shown.before += c.width
		case i < last:
			shown.under += c.width
		}
	}
	shown.under = max(shown.under, 1)
	shown.text = strings.TrimRight(shown.text, " ")
	return shown
}

// ellipses is the room that the marks of what is left out take.
func ellipses(start int) int {
	if start > 0 {
		return 2
	}
	return 1
}

func widthOf(cells []cell) int {
	width := 0
	for _, c := range cells {
		width += c.width
	}
	return width
}

// escape makes text harmless to a terminal: control and invisible formatting
// characters, and bytes that are no UTF-8, are written as Go would.
func escape(text string) string {
	harmless := func(c rune) bool { return unicode.IsGraphic(c) && c != utf8.RuneError && !isControl(c) }
	if strings.IndexFunc(text, func(c rune) bool { return !harmless(c) }) < 0 {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		switch joiner := c == '\u200d'; {
		case c == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case harmless(c) || c == utf8.RuneError || joiner && i > 0:
			out.WriteRune(c)
		default:
			quoted := strconv.QuoteRuneToASCII(c)
			out.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return out.String()
}

// paragraph writes words in lines of at most width columns; a word that is
// longer has a line of its own.
func paragraph(out *strings.Builder, width int, first, rest, text string) {
	line, used, empty := first, uniseg.StringWidth(first), true
	for word := range strings.FieldsSeq(text) {
		word = escape(word)
		if !empty && used+1+uniseg.StringWidth(word) > width {
			out.WriteString(line + "\n")
			line, used, empty = rest, uniseg.StringWidth(rest), true
		}
		if !empty {
			line, used = line+" ", used+1
		}
		line, used, empty = line+word, used+uniseg.StringWidth(word), false
	}
	out.WriteString(strings.TrimRight(line, " ") + "\n")
}
