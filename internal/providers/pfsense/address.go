package pfsense

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// addressForm is user@host:port, of which user and port may be missing; host is
// a name or an IPv4 address, or an IPv6 address in brackets. None of the parts
// can begin with a dash.
var addressForm = regexp.MustCompile(`^(?:([A-Za-z0-9._][A-Za-z0-9._-]*)@)?([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?$`)

// address gives the arguments by which ssh finds a host, the host last.
func address(text string) ([]string, error) {
	parts := addressForm.FindStringSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("address %q is not one for ssh: user@host, or host, with :port where it is not 22", text)
	}
	user, host, port := parts[1], strings.Trim(parts[2], "[]"), parts[3]
	var argv []string
	if port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("address %q has no port between 1 and 65535", text)
		}
		argv = append(argv, "-p", port)
	}
	if user != "" {
		argv = append(argv, "-l", user)
	}
	return append(argv, "--", host), nil
}
