package receipt

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
)

// Write puts a receipt where it belongs below a destination's root, in place of
// the one that is there. When it returns, the receipt outlasts a power cut; until
// then, the one before is there.
func Write(root string, r plan.Receipt) error {
	text, err := Encode(r)
	if err != nil {
		return err
	}
	at := File(r.Layer, r.Version, r.Volume)
	if err := write(root, at, text); err != nil {
		return fmt.Errorf("write receipt: %w", err)
	}
	return nil
}

// write makes the temporary file in the work folder, where what a killed run
// left is found.
func write(root, at string, text []byte) error {
	for _, f := range []string{plan.WorkFolder, filepath.Dir(at)} {
		if err := folder.Make(root, f, 0o700); err != nil {
			return err
		}
	}
	pending, err := renameio.NewPendingFile(filepath.Join(root, at),
		renameio.WithTempDir(filepath.Join(root, plan.WorkFolder)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer pending.Cleanup()
	if _, err := pending.Write(text); err != nil {
		return err
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncFolder(root, filepath.Dir(at))
}

// Remove removes the receipt of a version. One that is gone already is no error.
func Remove(root, layer, version, volume string) error {
	if err := remove(root, File(layer, version, volume)); err != nil {
		return fmt.Errorf("remove receipt: %w", err)
	}
	return nil
}

// RemoveManifest removes the manifest of a version, as Remove does a receipt.
func RemoveManifest(root, layer, version, volume string) error {
	if err := remove(root, ManifestFile(layer, version, volume)); err != nil {
		return fmt.Errorf("remove manifest: %w", err)
	}
	return nil
}

// Tidy removes the folders of a layer's version once nothing is in them. Nothing
// may be written for the same version meanwhile.
func Tidy(root, layer, version string) {
	for _, file := range []string{File(layer, version, "any"), ManifestFile(layer, version, "any")} {
		_ = os.Remove(filepath.Dir(filepath.Join(root, file))) // what is not empty stays
	}
}

func remove(root, at string) error {
	f, err := folder.Open(root, filepath.Dir(at))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Remove(filepath.Join(root, at)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return f.Sync()
}

func syncFolder(root, at string) error {
	f, err := folder.Open(root, at)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
