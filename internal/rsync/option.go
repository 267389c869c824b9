package rsync

// Archive are the options that keep all of a file. A negative window compares
// times to the nanosecond.
func Archive(excludes []string) []string {
	return append([]string{"-aHAXS", "--numeric-ids", "--modify-window=-1"}, Excludes(excludes)...)
}

// Excludes are the options that leave out what matches the patterns, which also
// keeps it from being deleted.
func Excludes(patterns []string) []string {
	var options []string
	for _, pattern := range patterns {
		options = append(options, "--exclude="+pattern)
	}
	return options
}
