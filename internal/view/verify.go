package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"github.com/bkplan/bkplan/internal/plan"
)

// VerifyFormat is the format of a VerifyDocument, in version 1.
const VerifyFormat = "bkplan.verify"

// VerifyDocument is what `verify --json` prints.
type VerifyDocument struct {
	Format   string     `json:"format"` // VerifyFormat
	Version  int        `json:"version"`
	Time     time.Time  `json:"time"`
	Host     string     `json:"host"`
	Data     bool       `json:"data"` // contents were read too
	Versions []Verified `json:"versions"`
}

// VerifyResult is how a version came out.
type VerifyResult string

// The results. Only findings are drift; an error is of the looking.
const (
	VerifyFine      VerifyResult = "fine"
	VerifyFindings  VerifyResult = "findings"
	VerifyNoReceipt VerifyResult = "no_receipt"
	VerifyAdopted   VerifyResult = "adopted"
	VerifyError     VerifyResult = "error"
)

// Verified is one version that was looked at.
type Verified struct {
	Layer       string       `json:"layer"`
	Volume      string       `json:"volume"`
	Version     string       `json:"version"`
	Destination string       `json:"destination"`
	Path        string       `json:"path"`
	Result      VerifyResult `json:"result"`
	Findings    []string     `json:"findings,omitempty"`
	Error       string       `json:"error,omitempty"`
}

// Address is how people refer to the version.
func (v Verified) Address() string {
	return plan.HeldVersion{Layer: v.Layer, Volume: v.Volume, Version: v.Version}.Address()
}

// Count is how many versions came out so.
func (d VerifyDocument) Count(result VerifyResult) int {
	n := 0
	for _, v := range d.Versions {
		if v.Result == result {
			n++
		}
	}
	return n
}

// shownFindings is how many findings of a version are shown unless verbose.
const shownFindings = 10

// Verify writes how versions came out: those that are fine are counted, all
// others named.
func Verify(w io.Writer, d VerifyDocument, o Options) error {
	p := newPage(o)
	for _, v := range d.Versions {
		switch v.Result {
		case VerifyFindings:
			p.line("%s %s", p.red.Render("!"), v.Address())
			p.findings(v.Findings)
		case VerifyError:
			p.line("%s %s", p.red.Render("?"), v.Address())
			p.hang("    ", 0, escape(v.Error), lipgloss.NewStyle())
		case VerifyAdopted:
			p.line("%s %s has a receipt now", p.green.Render("+"), v.Address())
		case VerifyNoReceipt:
			if o.Verbose {
				p.line("  %s has no receipt", v.Address())
			}
		}
	}
	if p.Len() > 0 {
		p.line("")
	}
	p.line("%s", p.bold.Render(d.summary()))
	if n := d.Count(VerifyNoReceipt); n > 0 {
		p.hang("", 0, fmt.Sprintf("%s made by an older script cannot be verified; `bkplan verify --adopt` gives such a receipt.", count(n, "version")), p.faint)
	}
	return p.writeTo(w)
}

func (p *page) findings(list []string) {
	shown := list
	if !p.Verbose && len(list) > shownFindings {
		shown = list[:shownFindings-1]
	}
	for _, f := range shown {
		p.hang("    ", 0, escape(f), lipgloss.NewStyle())
	}
	if len(shown) < len(list) {
		p.line("    … and %d more (-v)", len(list)-len(shown))
	}
}

func (d VerifyDocument) summary() string {
	parts := []string{fmt.Sprintf("%d as the receipt says", d.Count(VerifyFine))}
	for _, r := range []struct {
		result VerifyResult
		words  string
	}{
		{VerifyAdopted, "adopted"}, {VerifyFindings, "with findings"}, {VerifyNoReceipt, "without a receipt"}, {VerifyError, "that could not be looked at"},
	} {
		if n := d.Count(r.result); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, r.words))
		}
	}
	what := "names, sizes and times"
	if d.Data {
		what = "names, sizes, times and contents"
	}
	return fmt.Sprintf("Verified %s of %s: %s.", what, count(len(d.Versions), "version"), strings.Join(parts, ", "))
}
