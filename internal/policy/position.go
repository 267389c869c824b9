package policy

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/rivo/uniseg"
)

// pointRange is the range of the one byte at offset of a file's text.
func pointRange(name string, text []byte, offset int) hcl.Range {
	line := 1 + bytes.Count(text[:offset], []byte("\n"))
	start := bytes.LastIndexByte(text[:offset], '\n') + 1
	from := hcl.Pos{Line: line, Column: 1 + uniseg.GraphemeClusterCount(string(text[start:offset])), Byte: offset}
	to := from
	to.Byte++
	to.Column++
	return hcl.Range{Filename: name, Start: from, End: to}
}

// within is the range of length bytes at offset of the one-line text that
// starts at from. A length of 0 points at one column.
func within(from hcl.Range, text string, offset, length int) hcl.Range {
	offset = min(max(offset, 0), len(text))
	length = min(max(length, 0), len(text)-offset)
	start, end := from.Start, from.Start
	start.Byte += offset
	start.Column += uniseg.GraphemeClusterCount(text[:offset])
	end.Byte = start.Byte + length
	end.Column = start.Column + max(1, uniseg.GraphemeClusterCount(text[offset:offset+length]))
	return hcl.Range{Filename: from.Filename, Start: start, End: end}
}

// place is where a range begins, for a sentence.
func place(at hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", at.Filename, at.Start.Line, at.Start.Column)
}
