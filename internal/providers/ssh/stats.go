package ssh

import (
	"regexp"
	"strconv"
	"strings"
)

// stats is what `rsync --stats` sums up.
type stats struct {
	files, created, deleted int64 // names: in the source, new and gone over there
	transferred             int64 // files of which content was written
	sent                    int64 // bytes over the network
}

var statsForm = regexp.MustCompile(`(?m)^(Number of files|Number of created files|Number of deleted files|Number of regular files transferred|Total bytes sent): ([0-9,.]+)`)

// readStats finds the sums among other lines.
func readStats(stdout []byte) stats {
	var s stats
	into := map[string]*int64{
		"Number of files": &s.files, "Number of created files": &s.created,
		"Number of deleted files": &s.deleted, "Number of regular files transferred": &s.transferred, "Total bytes sent": &s.sent,
	}
	for _, found := range statsForm.FindAllSubmatch(stdout, -1) {
		digits := strings.NewReplacer(",", "", ".", "").Replace(string(found[2]))
		*into[string(found[1])], _ = strconv.ParseInt(digits, 10, 64) // the form has been checked
	}
	return s
}
