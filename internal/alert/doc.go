// Package alert makes Prometheus alerting rules of a policy, and unit tests of
// these rules for promtool. It is pure: what it makes follows from the policy
// alone. Start at Build; Rules.Encode writes what Prometheus loads,
// docs/alerts.md says what each alert means.
//
// The rules rest on what holds for all metrics of bkplan: times are seconds since
// 1970, all of them are of the world as it was after a run, and every run brings
// all of them. So a value that a gateway has forgotten comes back with the next
// run: until then the last one counts, for as long as runs may be apart. After
// that, and when none ever came, the alert that bkplan is silent fires.
package alert
