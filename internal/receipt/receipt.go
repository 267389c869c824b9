// Package receipt keeps the receipts of versions: small JSON files below
// plan.ReceiptFolder at a destination's root, so that they travel with the
// copies. Start at Write and ReadAll; schema/receipt.json describes a file.
//
// A receipt is believed by those who prune: one that does not lie where its own
// content says, or that names a place outside of its destination, is none.
package receipt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

const (
	format        = "bkplan.receipt"
	formatVersion = 1
	// maxSize is how many bytes a receipt may have.
	maxSize = 1 << 20
)

// envelope is a file: what it is comes first.
type envelope struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Receipt json.RawMessage `json:"receipt"`
}

// Encode gives the text of a receipt's file. A receipt that Decode would refuse
// is an error.
func Encode(r plan.Receipt) ([]byte, error) {
	if err := check(r); err != nil {
		return nil, fmt.Errorf("encode receipt: %w", err)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(struct {
		Format  string       `json:"format"`
		Version int          `json:"version"`
		Receipt plan.Receipt `json:"receipt"`
	}{format, formatVersion, r})
	if err == nil && text.Len() > maxSize {
		err = errTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("encode receipt: %w", err)
	}
	return text.Bytes(), nil
}

var (
	errTooLarge  = fmt.Errorf("it is larger than %d MiB", maxSize>>20)
	errTruncated = errors.New("it is cut short")
	errForeign   = errors.New("it is not a receipt of bkplan")
	errNoFile    = errors.New("it is not a file")
)

// Decode reads the text of a receipt's file. It is strict: what this version
// does not know could change the meaning of what it does know.
func Decode(text []byte) (plan.Receipt, error) {
	if len(text) > maxSize {
		return plan.Receipt{}, errTooLarge
	}
	var e envelope
	if err := decode(text, &e); err != nil {
		return plan.Receipt{}, diagnose(text, err)
	}
	if err := e.accept(); err != nil {
		return plan.Receipt{}, err
	}
	var r plan.Receipt
	if err := decode(e.Receipt, &r); err != nil {
		return plan.Receipt{}, fmt.Errorf("its content is not valid: %w", err)
	}
	return r, check(r)
}

func (e envelope) accept() error {
	switch {
	case e.Format != format:
		return errForeign
	case e.Version > formatVersion:
		return fmt.Errorf("made by a newer bkplan: format %d, this one reads %d", e.Version, formatVersion)
	case e.Version < 1:
		return fmt.Errorf("there is no format %d", e.Version)
	case len(e.Receipt) == 0 || bytes.Equal(e.Receipt, []byte("null")):
		return errors.New("it has no content")
	}
	return nil
}

// decode reads exactly one value whose members are all known.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}

// diagnose says why a text is no envelope. A newer format may have members that
// this one does not know.
func diagnose(text []byte, err error) error {
	var head struct {
		Format  string
		Version int
	}
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return errors.New("it is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errTruncated
	case json.NewDecoder(bytes.NewReader(text)).Decode(&head) != nil || head.Format != format:
		return errForeign
	case head.Version > formatVersion:
		return envelope{Format: head.Format, Version: head.Version}.accept()
	}
	return fmt.Errorf("its content is not valid: %w", err)
}

// check refuses what no version has.
func check(r plan.Receipt) error {
	switch {
	case r.Layer == "":
		return errors.New("it names no layer")
	case r.Volume == "":
		return errors.New("it names no volume")
	case r.Path == "." && r.Version == "": // a synced tree may be all that is there
	case !filepath.IsLocal(r.Path) || filepath.Clean(r.Path) != r.Path || r.Path == "." || ours(r.Path):
		return fmt.Errorf("its version lies at %q, which is no place below the destination", r.Path)
	}
	return nil
}

// ours says whether a path lies where no version does.
func ours(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return first == plan.OwnFolder
}
