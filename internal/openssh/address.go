package openssh

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

// Host is another machine, as ssh finds it.
type Host struct {
	// Options are arguments of ssh for the port and the user.
	Options []string
	Name    string // or an IP address, without brackets
}

// ParseAddress reads user@host:port.
func ParseAddress(text string) (Host, error) {
	parts := addressForm.FindStringSubmatch(text)
	if parts == nil {
		return Host{}, fmt.Errorf("address %q is not one for ssh: user@host, or host, with :port where it is not 22", text)
	}
	user, port := parts[1], parts[3]
	host := Host{Name: strings.Trim(parts[2], "[]")}
	if port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return Host{}, fmt.Errorf("address %q has no port between 1 and 65535", text)
		}
		host.Options = append(host.Options, "-p", port)
	}
	if user != "" {
		host.Options = append(host.Options, "-l", user)
	}
	return host, nil
}
