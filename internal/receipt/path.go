package receipt

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

const (
	extension = ".json"
	// marker begins a part that is no escaped name: escaping never leaves it.
	marker = "@"
	synced = marker + "synced"
	// maxName is how many bytes a file system takes for a name.
	maxName = 255
)

// Path is where the receipt of a version lies, relative to plan.ReceiptFolder.
// An empty version is a synced tree. Different names have different paths.
func Path(layer, version, volume string) string {
	return path.Join(place(layer, version), escape(volume)+extension)
}

// ManifestPath is where the manifest of a version lies, relative to
// plan.ManifestFolder.
func ManifestPath(layer, version, volume string) string {
	return path.Join(place(layer, version), escape(volume))
}

// File is where the receipt of a version lies, relative to a destination's root.
func File(layer, version, volume string) string {
	return path.Join(plan.ReceiptFolder, Path(layer, version, volume))
}

// ManifestFile is where the manifest of a version lies, relative to a
// destination's root.
func ManifestFile(layer, version, volume string) string {
	return path.Join(plan.ManifestFolder, ManifestPath(layer, version, volume))
}

// place is the folder of a layer's version.
func place(layer, version string) string {
	if version == "" {
		return path.Join(escape(layer), synced)
	}
	return path.Join(escape(layer), escape(version))
}

// escape makes a name one safe part of a path: letters, digits, "-", "_" and "."
// stay, but for a dot at its start; other bytes are written %XX. A part that
// would be too long is a digest of the name.
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(c) && (c != '.' || i > 0) {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	if b.Len() == 0 {
		return marker
	}
	if b.Len() > maxName-len(extension)-len(".partial") {
		digest := sha256.Sum256([]byte(name))
		return marker + hex.EncodeToString(digest[:])
	}
	return b.String()
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.", c) >= 0
}
