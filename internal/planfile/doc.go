// Package planfile writes plans and observations to files and reads them
// back. Start with [Write] and [Read] for a saved plan, [WriteObservation] and
// [ReadObservation] for an observation; both share the envelope of envelope.go.
//
// A file is one compact JSON object whose first members are always these, in
// this order and without any space:
//
//	{"format":"bkplan.plan","version":1,"digest":"sha256:<hex>",…}
//
// The digest covers every byte after its own comma, so that one pass tells a
// file that was cut short or edited by hand from a whole one. It is no
// signature: who can write the file can write the digest. Within a version the
// members are fixed, and unknown ones are refused; a change of meaning is a new
// version, which older programs refuse by number.
//
// What is wrong with a file is an [*Error] with a stable code and a hint. The
// package reads no clock; whether a plan has expired is for the caller to say.
package planfile
