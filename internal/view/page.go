package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// Options are how a terminal page looks. Mind that the zero Color is
// termenv.TrueColor; termenv.Ascii is none.
type Options struct {
	Width   int // columns; less than 40 is taken as 40
	Color   termenv.Profile
	Verbose bool // every action and every difference on a line of its own
}

// page is a terminal page in the making. Text is wrapped before it is styled,
// so that styles never count as width.
type page struct {
	strings.Builder
	Options
	bold, faint, green, yellow, red, cyan lipgloss.Style
}

func newPage(o Options) *page {
	o.Width = max(o.Width, 40)
	renderer := lipgloss.NewRenderer(io.Discard)
	renderer.SetColorProfile(o.Color)
	renderer.SetHasDarkBackground(true)
	color := func(c string) lipgloss.Style { return renderer.NewStyle().Foreground(lipgloss.Color(c)) }
	return &page{
		Options: o,
		bold:    renderer.NewStyle().Bold(true), faint: renderer.NewStyle().Faint(true),
		red: color("1"), green: color("2"), yellow: color("3"), cyan: color("6"),
	}
}

// writeTo ends the page.
func (p *page) writeTo(w io.Writer) error {
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(p, format+"\n", args...)
}

// narrowest is how many columns text beside a head needs.
const narrowest = 24

// hang writes text wrapped behind a head, all its lines beginning in the same
// column. Where the head leaves too little room the text goes below it.
func (p *page) hang(head string, column int, text string, style lipgloss.Style) {
	width := lipgloss.Width(head)
	column = max(column, width)
	if p.Width-column < narrowest {
		p.line("%s", strings.TrimRight(head, " "))
		head, width, column = "", 0, 6
	}
	for _, line := range wrap(text, p.Width-column) {
		p.line("%s%s%s", head, strings.Repeat(" ", column-width), style.Render(line))
		head, width = "", 0
	}
}

// wrap breaks text at spaces into lines of at most width columns; a longer
// word has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(text) {
		length := lipgloss.Width(word)
		switch {
		case line == "":
			line, used = word, length
		case used+1+length <= width:
			line, used = line+" "+word, used+1+length
		default:
			lines = append(lines, line)
			line, used = word, length
		}
	}
	return append(lines, line)
}

// names writes as many names as fit in so many lines, with what is left out.
// The names are escaped here; spaces in them do not break a line.
func (p *page) names(names []string, lines, indent int) {
	room := p.Width - indent
	for shown := min(len(names), 8*lines); ; shown-- {
		text := wrapNames(names[:shown], len(names)-shown, room)
		if len(text) > lines && shown > 1 {
			continue
		}
		for _, line := range text {
			p.line("%s%s", strings.Repeat(" ", indent), p.faint.Render(line))
		}
		return
	}
}

// noBreak stands for a space that must not break a line while it is wrapped. A
// name cannot hold it, since escape leaves no character of private use.
const noBreak = "\ue000"

func wrapNames(names []string, more, width int) []string {
	var words []string
	for _, name := range names {
		words = append(words, strings.ReplaceAll(escape(name), " ", noBreak))
	}
	text := strings.Join(words, ", ")
	if more > 0 {
		text += fmt.Sprintf(", … and %d more (-v)", more)
	}
	lines := wrap(text, width)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], noBreak, " ")
	}
	return lines
}

// count is "1 volume" or "2 volumes".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// pad fills a text up with spaces to a width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-lipgloss.Width(text)))
}
