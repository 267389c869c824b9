package plan

import "strings"

// Handle is a volume handle of the Proxmox CSI driver, taken apart.
type Handle struct {
	Region, Node, Storage string // empty where the form does not carry them
	Volume                string // name of the logical volume
}

// ParseHandle reads the driver's two forms, `<region>/<node>/<storage>/<lv>`
// and the older `<storage>:<lv>`. A handle of any other form is not one of a
// logical volume.
func ParseHandle(handle string) (Handle, bool) {
	if parts := strings.Split(handle, "/"); len(parts) == 4 && parts[3] != "" {
		return Handle{Region: parts[0], Node: parts[1], Storage: parts[2], Volume: parts[3]}, true
	}
	storage, volume, found := strings.Cut(handle, ":")
	if !found || storage == "" || volume == "" || strings.ContainsAny(handle, "/") {
		return Handle{}, false
	}
	return Handle{Storage: storage, Volume: volume}, true
}
