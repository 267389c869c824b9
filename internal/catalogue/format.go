package catalogue

import "errors"

// Both files of a catalogue begin with
//
//	magic, version (4 bytes), a header as JSON after its length
//
// and end with the SHA-256 of all before it. Numbers are varints, where nothing else is
// said, and a text comes after its length. In between, a listing has
//
//	folderMark PATH      of each folder, in the order of tree.Compare
//	FLAGS NAME FIELDS    of each entry in it, in the order of compareNames
//	endMark COUNT        of the entries
//
// where a flag says which fields are left out: see flagsOf. What was told is
//
//	namesMark COUNT NAME...
//	subtreesMark COUNT NAME...
const (
	magic   = "bkplan catalogue"
	version = 1
)

// Marks are no flags of entries.
const (
	endMark      = 0xff
	folderMark   = 0xfe
	namesMark    = 0xfd
	subtreesMark = 0xfc
)

// Flags of an entry.
const (
	sameOwner   = 1 << iota // mode and owners are those of the entry before
	plain                   // it has one name, and is no device node
	unchanged               // it was last changed when its content was
	flagUnknown             // as in entry
	flagMount
	allFlags = flagMount<<1 - 1
)

// Limits of what is read, so that garbage takes no memory.
const (
	longestHeader = 4 << 20
	longestName   = 1 << 16
)

var errCut = errors.New("its end is missing")
