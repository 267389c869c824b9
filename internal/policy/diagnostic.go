package policy

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says whether a policy can be used in spite of a diagnostic.
type Severity string

// Severities. A policy with an error is not returned at all.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is something a person can mend in a policy. Positions are those of
// HCL: lines and columns count from 1, a column is one grapheme cluster, and
// the end is exclusive. Line is 0 where no place in a file is to blame.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	// Code is stable, such as "unknown_attribute": tools may switch on it.
	Code    string `json:"code"`
	Summary string `json:"summary"`
	// Detail is full sentences: what is wrong and why.
	Detail string `json:"detail,omitempty"`
	// Hint is how to mend it, a phrase without a full stop.
	Hint      string `json:"hint,omitempty"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"end_line,omitempty"`
	EndColumn int    `json:"end_column,omitempty"`
	// Snippet is the source from Line on, as it is written, without the last
	// line's end: at most maxSnippetLines lines, empty when one of them is too
	// long to show. It may hold control characters; Text escapes them.
	Snippet string `json:"snippet,omitempty"`
}

func (d Diagnostic) place() string {
	if d.Line == 0 {
		return escape(d.File)
	}
	return fmt.Sprintf("%s:%d:%d", escape(d.File), d.Line, d.Column)
}

// Diagnostics is a list in the order of files, lines and columns.
type Diagnostics []Diagnostic

// HasErrors reports whether any of them is an error.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

func (ds Diagnostics) sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
