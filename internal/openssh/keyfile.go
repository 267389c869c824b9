package openssh

import (
	"fmt"
	"strings"

	"github.com/bkplan/bkplan/internal/keyfile"
)

// CheckIdentity looks at a key of ssh before ssh does. Of a path ssh expands %
// and ${}, so that it would look for another file.
func CheckIdentity(path string) error {
	if strings.ContainsAny(path, "%$") {
		return fmt.Errorf("key file %q: ssh takes %% and $ in the name of a key for something else; rename it", path)
	}
	file, err := keyfile.Open(path)
	if err != nil {
		return err
	}
	return file.Close()
}
