// Package quantity holds the literal quantities of the policy language: a
// duration (7d, 26h, 30m), a size (10GiB), a share (10%), and a threshold,
// which is a share or a size (10% or 10GiB).
//
// Start with [ParseDuration]: the other types follow its pattern. Each type is
// a small comparable value; its zero value means "not set", is written as the
// empty text, and is what the empty text decodes to. Parse accepts one spelling
// and nothing else; its error says which forms are right and, where it can be
// told, what was meant. What Parse accepts and MarshalText writes are the same
// language, so every quantity survives JSON.
//
// The package is pure. Quantities that were measured, not written by a person,
// are plain int64 bytes and [time.Duration]; [Size.Human] renders the former.
package quantity
