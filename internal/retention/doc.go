// Package retention decides which versions of one volume stay and which go, and
// says why. [Select] is the whole of it: a pure function over times. Nothing is
// pruned here, and a caller may still keep what Select would remove.
//
// The rules mean what they mean to restic's forget:
//
//   - A version stays if any rule keeps it. No rules at all keep everything.
//   - keep_last keeps the newest N versions.
//   - keep_hourly, keep_daily, keep_weekly, keep_monthly and keep_yearly keep
//     the newest version of each of the newest N hours, days, ISO weeks, months
//     and years. Those without a version do not count.
//   - keep_within keeps what is younger than a span that ends at the newest
//     version, so that a host that slept loses nothing. A version of exactly that
//     age is removed. keep_within_hourly and its siblings keep the newest of
//     each hour, day and so on inside the span.
//   - The oldest version of all stays as well while a bucket rule has room left
//     (fewer than N buckets hold data), or while it lies inside the span of
//     a keep_within_… rule: history is kept as long as it can be. Its reason
//     says "oldest".
//   - Versions of the same instant are versions of their own. In a bucket one of
//     them is the newest: the first by ID, where restic takes the first listed.
//
// Buckets are the labels of the wall clock in the policy's time zone, as in
// restic: when the clock goes back, the hour that happens twice is one hour.
//
// Two things differ. There is no unlimited count (restic's -1): a count or span
// that is not positive is no rule. And a version from the future can be the
// newest, since this package has no clock; whoever has one must look for it
// before pruning.
package retention
