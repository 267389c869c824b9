// Package plan holds the nouns of bkplan (Policy, Observation, Action, Plan)
// and Build, the pure function from the first two to the last. Start at Build;
// Policy is what should be, Observation what is.
//
// Nothing here looks at a clock, a file or another process, so that whatever a
// person can ask beforehand has the answer that apply will act on. The rules
// that keep data safe are numbered in docs/safety.md; each has a property
// test.
package plan
