// Command disks helps record-disks: it lays out the directories and the backup
// disk of the reference homelab, and joins what bkplan observes there with what
// was recorded in the lab, and with a Synology that has copies of the disk. Start at main.
//
// What it lays out is the same each time: names and times are those of the
// recording, sizes are reckoned from the names.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/bkplan/bkplan/internal/planfile"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "disks:", err)
		os.Exit(1)
	}
}

// run is `fill RECORDED ROOT` or `merge RECORDED OBSERVED`.
func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: disks fill RECORDED ROOT | merge RECORDED OBSERVED")
	}
	recorded, err := planfile.ReadObservation(args[1])
	if err != nil {
		return err
	}
	switch args[0] {
	case "fill":
		if err := fillTrees(args[2]); err != nil {
			return err
		}
		return fillDisk(args[2]+backupDisk, recorded)
	case "merge":
		observed, err := planfile.ReadObservation(args[2])
		if err != nil {
			return err
		}
		merged, err := merge(recorded, observed)
		if err != nil {
			return err
		}
		return planfile.WriteObservation(args[1], merged)
	}
	return fmt.Errorf("there is no %q", args[0])
}
