package policy

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const (
	maxSnippetLines = 4
	maxSnippetLine  = 1000 // bytes
	maxReported     = 100
)

// problem is a diagnostic that does not know its place yet.
type problem struct {
	code, summary, detail, hint string
	secret                      bool // the place may show a secret, and is not quoted
}

// report collects diagnostics; it holds the source, to quote it.
type report struct {
	sources map[string][]byte
	lines   map[string][][]byte
	found   Diagnostics
	dropped int
}

func newReport() *report {
	return &report{sources: map[string][]byte{}, lines: map[string][][]byte{}}
}

// errorAt records what is wrong at a place; a zero range is no place.
func (r *report) errorAt(at hcl.Range, p problem) { r.add(Error, at, p) }

func (r *report) warnAt(at hcl.Range, p problem) { r.add(Warning, at, p) }

func (r *report) add(severity Severity, at hcl.Range, p problem) {
	if len(r.found) >= maxReported {
		r.dropped++
		return
	}
	d := Diagnostic{Severity: severity, Code: p.code, Summary: p.summary, Detail: p.detail, Hint: p.hint, File: at.Filename}
	if at.Start.Line > 0 {
		d.Line, d.Column = at.Start.Line, at.Start.Column
		d.EndLine, d.EndColumn = at.End.Line, at.End.Column
		if !p.secret {
			d.Snippet = r.snippet(at)
		}
	}
	r.found = append(r.found, d)
}

func (r *report) snippet(at hcl.Range) string {
	lines := r.linesOf(at.Filename)
	from, to := at.Start.Line-1, min(at.End.Line, at.Start.Line-1+maxSnippetLines, len(lines))
	if from >= to {
		return ""
	}
	var shown []string
	for _, line := range lines[from:to] {
		if len(line) > maxSnippetLine {
			return ""
		}
		shown = append(shown, strings.TrimSuffix(string(line), "\r"))
	}
	return strings.Join(shown, "\n")
}

func (r *report) linesOf(file string) [][]byte {
	lines, known := r.lines[file]
	if !known {
		lines = bytes.Split(r.sources[file], []byte("\n"))
		r.lines[file] = lines
	}
	return lines
}

// full reports whether so much is wrong that looking on is of no use.
func (r *report) full() bool { return r.dropped > 0 }

// failed reports whether an error was recorded.
func (r *report) failed() bool { return r.found.HasErrors() }

// diagnostics returns what was collected, in order.
func (r *report) diagnostics() Diagnostics {
	r.found.sort()
	if r.dropped > 0 {
		r.found = append(r.found, Diagnostic{
			Severity: Error, Code: "too_many_problems",
			Summary: fmt.Sprintf("only the first %d problems are shown", maxReported),
		})
	}
	return r.found
}

// hclCodes are the stable codes of what HCL itself finds; everything else
// that it says is a syntax error or an evaluation error.
var hclCodes = map[string]string{
	"Attribute redefined":           "duplicate_attribute",
	"Call to unknown function":      "unknown_function",
	"Error in function call":        "invalid_call",
	"Invalid function argument":     "invalid_call",
	"Not enough function arguments": "invalid_call",
	"Too many function arguments":   "invalid_call",
	"Unsupported attribute":         "unknown_reference",
}

var suggestionInDetail = regexp.MustCompile(`\s*Did you mean [^?]+\?`)

// addHCL records what HCL found, in this package's form and words.
func (r *report) addHCL(code string, found hcl.Diagnostics) {
	for _, f := range found {
		p := problem{code: code, summary: lowerFirst(f.Summary), detail: f.Detail}
		if known := hclCodes[f.Summary]; known != "" {
			p.code = known
		}
		if p.code == code || p.code == "duplicate_attribute" {
			p.summary, p.detail = inOurWords.Replace(p.summary), inOurWords.Replace(p.detail)
		}
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](f); ok {
			p.detail, p.hint = unknownFunction(call.CalledFunctionName())
		}
		p.detail = strings.TrimSpace(suggestionInDetail.ReplaceAllString(p.detail, ""))
		at := hcl.Range{}
		if f.Subject != nil {
			at = *f.Subject
		}
		r.errorAt(at, p)
		if f.Summary == "Invalid multi-line string" {
			return // what follows is taken for text, or text for what follows
		}
	}
}

// inOurWords replaces HCL's word for an attribute.
var inOurWords = strings.NewReplacer("an argument", "an attribute", "argument", "attribute", "Argument", "Attribute", "An argument", "An attribute")

// outward are functions of other tools that look at the world.
var outward = []string{"abspath", "env", "file", "fileexists", "fileset", "getenv", "pathexpand", "templatefile", "timestamp", "uuid"}

func unknownFunction(name string) (detail, hint string) {
	detail = fmt.Sprintf("There is no function named %q.", name)
	if slices.Contains(outward, name) {
		return detail + " A policy means the same on every machine: nothing in it reads files, the environment or the clock.",
			"give the value to a variable with -var or -var-file"
	}
	return detail, didYouMean(name, sortedKeys(functions))
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
