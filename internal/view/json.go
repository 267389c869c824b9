package view

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bkplan/bkplan/internal/plan"
)

// PlanDocument is what `plan --json` and `show --json` print.
type PlanDocument struct {
	Format  string       `json:"format"` // PlanFormat
	Version int          `json:"version"`
	Summary plan.Summary `json:"summary"`
	Plan    plan.Plan    `json:"plan"`
}

// DriftDocument is what `drift --json` prints.
type DriftDocument struct {
	Format   string                 `json:"format"` // DriftFormat
	Version  int                    `json:"version"`
	Time     time.Time              `json:"time"`
	Observed time.Time              `json:"observed"`
	Host     string                 `json:"host"`
	Filter   plan.Filter            `json:"filter,omitzero"`
	Summary  map[plan.DriftKind]int `json:"summary"` // every kind, absent ones as 0
	Drift    []plan.Drift           `json:"drift"`
}

// Formats of the documents, in version 1.
const (
	PlanFormat  = "bkplan.plan.view"
	DriftFormat = "bkplan.drift"
)

// PlanJSON writes a PlanDocument, each action on a line of its own: of a plan
// for thousands of volumes no second copy is made in memory.
func PlanJSON(w io.Writer, p plan.Plan) error {
	document := PlanDocument{Format: PlanFormat, Version: 1, Summary: p.Summary(), Plan: p}
	document.Plan.Layers = orEmpty(p.Layers)
	document.Plan.Actions = []plan.Action{}
	var frame bytes.Buffer
	if err := JSON(&frame, document); err != nil {
		return err
	}
	// A quotation mark inside of a string is escaped, so this is the member.
	const member = `"actions": [`
	head, tail, _ := bytes.Cut(frame.Bytes(), []byte(member))
	out := bufio.NewWriter(w)
	out.Write(head)
	out.WriteString(member)
	if len(p.Actions) > 0 {
		out.WriteByte('\n')
	}
	encoder := json.NewEncoder(printer{out})
	encoder.SetEscapeHTML(false)
	for i, a := range p.Actions {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(a); err != nil {
			return fmt.Errorf("encode JSON: %w", err)
		}
	}
	out.Write(tail)
	return out.Flush()
}

// DriftJSON writes a DriftDocument.
func DriftJSON(w io.Writer, p plan.Plan) error {
	document := DriftDocument{
		Format: DriftFormat, Version: 1, Time: p.Time, Observed: p.Observed, Host: p.Host, Filter: p.Filter,
		Summary: map[plan.DriftKind]int{}, Drift: orEmpty(p.Drift),
	}
	for _, k := range slices.Concat(countingKinds(p.Drift), quietKinds) {
		document.Summary[k.kind] = len(driftOf(p.Drift, k.kind))
	}
	return JSON(w, document)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// JSON writes a document for machines that people may look at as well: with
// indentation, and with all that is not printable as \u escapes, so that it is
// safe on a terminal.
func JSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(printer{w})
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("encode JSON: %w", err)
	}
	return nil
}

// printer passes a whole document on, printable.
type printer struct{ w io.Writer }

func (p printer) Write(text []byte) (int, error) {
	if _, err := p.w.Write(printable(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

// printable escapes what encoding/json leaves as it is and a terminal would
// obey. Such runes stand in strings only.
func printable(text []byte) []byte {
	if !bytes.ContainsFunc(text, obeyed) {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if obeyed(r) {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		} else {
			out = append(out, text[:size]...)
		}
		text = text[size:]
	}
	return out
}

func obeyed(r rune) bool { return r > '~' && !strconv.IsPrint(r) }
