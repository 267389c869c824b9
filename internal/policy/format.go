package policy

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays a policy file out as `bkplan fmt` does: indentation, spaces and
// aligned equals signs; comments stay, and what the file says does not change.
// A file with syntax errors is not formatted: the result is nil then.
func Format(src []byte, filename string) ([]byte, Diagnostics) {
	r := newReport()
	text, ok := r.accept(file{filename, src})
	if !ok {
		return nil, r.diagnostics()
	}
	if !r.checkNesting(filename, text) {
		return nil, r.diagnostics()
	}
	_, found := hclsyntax.ParseConfig(text, filename, hcl.InitialPos)
	r.addHCL("syntax_error", found)
	if r.failed() {
		return nil, r.diagnostics()
	}
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(bytes.Clone(text), '\n')
	}
	return hclwrite.Format(text), r.diagnostics()
}
