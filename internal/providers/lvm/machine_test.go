package lvm

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"golang.org/x/sys/unix"
)

// machine is an emulator with what lies on its volumes, and with the programs
// that mount it. Its devices and mounts are shown in files like the kernel's.
type machine struct {
	*emulator
	t        testing.TB
	host     host
	stateDir string
	holds    map[string]*held  // by name of a volume or a mapping
	unlocked map[string]string // volume by name of mapping
	mounts   []mounted         // the topmost last
	readOnly map[string]bool   // devices set so, by name
	written  map[string]bool   // what a program may have written to
	numbers  map[string]int    // of devices, by name; never used twice
	isHeld   bool
	instead  string // the device that a mount gives, whatever was asked for
	shown    map[string]string
	delta    func(argv []string) (stdout string, exit int)
}

// held is what a device holds.
type held struct {
	kind, uuid string
	dirty      bool
	inside     *held // of LUKS, for whose key is "right"
}

type mounted struct{ device, point string }

func newMachine(t testing.TB) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("it takes root to make nodes of devices")
	}
	root := t.TempDir()
	m := &machine{
		emulator: newEmulator(), t: t, stateDir: filepath.Join(root, "state"),
		host:  host{dev: filepath.Join(root, "dev"), sys: filepath.Join(root, "sys"), mounts: filepath.Join(root, "mounts")},
		holds: map[string]*held{}, unlocked: map[string]string{}, readOnly: map[string]bool{},
		written: map[string]bool{}, numbers: map[string]int{},
	}
	m.others = m.answer
	if err := os.MkdirAll(filepath.Join(m.host.dev, "mapper"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.emulator.row("data").Open = ""
	m.show()
	return m
}

func (m *machine) opener() *Opener {
	p := New(m)
	p.host = m.host
	o := NewOpener(p, m, m.stateDir)
	o.host, o.limits.tries, o.limits.pause = m.host, 3, time.Microsecond
	return o
}

// snapshotOf adds a volume that holds something, and a snapshot of it.
func (m *machine) snapshotOf(name string, what held) plan.SnapshotAccess {
	m.add(volumeRow{Name: name, Pool: "data"})
	row := m.snapshot(name, name+"_snap_20261116_0300", "bkplan.origin="+name)
	m.holds[row.Name] = &what
	m.show()
	return plan.SnapshotAccess{
		VolumeGroup: "pve", Pool: "data", Name: row.Name, UUID: row.UUID, Origin: name,
		OpenName: plan.OpenName("weekly", name), MountFolder: filepath.Join(m.stateDir, "mnt"),
	}
}

// Run keeps what is shown up to date.
func (m *machine) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	output, err := m.emulator.Run(ctx, c)
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.holds, func(name string, _ *held) bool { return plan.IsOpenName(name) && m.row(name) == nil })
	for i := range m.rows {
		row := &m.rows[i]
		if origin := m.holds[row.Origin]; origin != nil && m.holds[row.Name] == nil {
			m.holds[row.Name] = origin.copy()
		}
		if row.Active != "" && row.Pool != "" {
			row.Open = ""
			if m.inUse(row.Name) {
				row.Open = "open"
			}
		}
	}
	m.show()
	return output, err
}

func (h *held) copy() *held {
	copied := *h
	if h.inside != nil {
		copied.inside = h.inside.copy()
	}
	return &copied
}

func (m *machine) inUse(volume string) bool {
	return slices.Contains(slices.Collect(maps.Values(m.unlocked)), volume) ||
		slices.ContainsFunc(m.mounts, func(mount mounted) bool { return m.storage(mount.device) == volume })
}

// show writes the files in which a kernel shows its devices and mounts.
func (m *machine) show() {
	must := func(err error) {
		if err != nil {
			m.t.Fatal(err)
		}
	}
	devices := m.devices()
	for name, uuid := range devices {
		if m.shown[name] != uuid {
			m.showDevice(name, uuid, must)
		}
	}
	for name := range m.shown {
		if devices[name] == "" {
			must(os.RemoveAll(m.folderOf(name)))
			must(os.Remove(filepath.Join(m.host.dev, "mapper", name)))
		}
	}
	m.shown = devices
	var lines strings.Builder
	for i, mount := range m.mounts {
		number := fmt.Sprintf("253:%d", m.numbers[mount.device])
		kind := m.holds[m.storage(mount.device)].kind
		if kind == kindBtrfs {
			number = fmt.Sprintf("0:%d", 90+i)
		}
		fmt.Fprintf(&lines, "%d 1 %s / %s ro,relatime - %s %s ro\n", 30+i, number,
			strings.ReplaceAll(mount.point, " ", `\040`), kind, filepath.Join(m.host.dev, "mapper", mount.device))
	}
	must(os.WriteFile(m.host.mounts, []byte(lines.String()), 0o600))
}

func (m *machine) showDevice(name, uuid string, must func(error)) {
	if m.numbers[name] == 0 {
		m.numbers[name] = len(m.numbers) + 1
	}
	number := m.numbers[name]
	folder := m.folderOf(name)
	must(os.MkdirAll(filepath.Join(folder, "dm"), 0o700))
	must(os.WriteFile(filepath.Join(folder, "dm", "name"), []byte(name+"\n"), 0o600))
	must(os.WriteFile(filepath.Join(folder, "dm", "uuid"), []byte(uuid+"\n"), 0o600))
	must(os.WriteFile(filepath.Join(folder, "dev"), []byte(fmt.Sprintf("253:%d\n", number)), 0o600))
	must(unix.Mknod(filepath.Join(m.host.dev, "mapper", name), unix.S_IFBLK|0o600, int(unix.Mkdev(253, uint32(number)))))
}

func (m *machine) folderOf(name string) string {
	return filepath.Join(m.host.sys, "block", fmt.Sprintf("dm-%d", m.numbers[name]))
}

// devices are the names and the UUIDs of all devices.
func (m *machine) devices() map[string]string {
	devices := map[string]string{}
	if m.delta != nil {
		devices["pve-data_tmeta"] = "LVM-x-tmeta"
	}
	for _, row := range m.rows {
		if row.Pool != "" && row.Active != "" {
			devices[mapperName("pve", row.Name)] = "LVM-" + strings.Repeat("g", 32) + strings.ReplaceAll(row.UUID, "-", "")
		}
	}
	for name := range m.unlocked {
		devices[name] = "CRYPT-LUKS2-0123-" + name
	}
	return devices
}

// storage is the volume, or the mapping, that a device is.
func (m *machine) storage(device string) string {
	if _, volume, ok := volumeName(device); ok && m.row(volume) != nil {
		return volume
	}
	return "mapping " + device
}

// in says what lies on the device with a node.
func (m *machine) in(node string) (device string, what *held) {
	device = filepath.Base(node)
	return device, m.holds[m.storage(device)]
}

// answer is called for what the emulator does not know.
func (m *machine) answer(argv []string) (stdout, stderr string, exit int) {
	last := argv[len(argv)-1]
	switch argv[0] {
	case "blkid":
		if _, what := m.in(last); what != nil && what.kind != "" {
			return "DEVNAME=" + last + "\nUUID=" + what.uuid + "\nTYPE=" + what.kind + "\n", "", 0
		}
		return "", "", 2
	case "head":
		return m.superblock(last), "", 0
	case "blockdev":
		m.readOnly[filepath.Base(last)] = true
	case "mount":
		return m.mount(argv[len(argv)-2], last)
	case "umount":
		return m.unmount(last)
	case "cryptsetup":
		return m.cryptsetup(argv)
	case "btrfstune":
		device, what := m.in(last)
		if what.dirty {
			return "", "ERROR: there is a log", 1
		}
		what.uuid, m.written[device] = what.uuid+"-tuned", true
	case "dmsetup":
		return m.dmsetup(argv)
	case "thin_delta":
		stdout, exit = m.delta(argv)
	default:
		return "", "no such program", 127
	}
	return stdout, "", exit
}

func (m *machine) superblock(node string) string {
	_, what := m.in(node)
	start := make([]byte, superblockSpan)
	binary.LittleEndian.PutUint16(start[1024+0x38:], 0xEF53)
	copy(start[65536+0x40:], "_BHRfS_M")
	if what.dirty {
		start[1024+0x60], start[65536+0x60] = 0xC6, 1
	} else {
		start[1024+0x60] = 0xC2
	}
	return string(start)
}

func (m *machine) mount(node, point string) (stdout, stderr string, exit int) {
	device, what := m.in(node)
	if info, err := os.Stat(point); what == nil || err != nil || !info.IsDir() {
		return "", "mount: wrong fs type, bad option, bad superblock", 32
	}
	if what.kind == kindBtrfs && slices.ContainsFunc(m.mounts, func(other mounted) bool {
		return m.holds[m.storage(other.device)].uuid == what.uuid
	}) {
		return "", "mount: File exists", 32
	}
	switch {
	case !m.readOnly[device]:
		what.dirty, m.written[device] = false, true
	case what.dirty:
		return "", "mount: cannot mount read-only", 32
	}
	if m.instead != "" {
		device = m.instead
	}
	m.mounts = append(m.mounts, mounted{device, point})
	return "", "", 0
}

func (m *machine) unmount(point string) (stdout, stderr string, exit int) {
	for i, mount := range slices.Backward(m.mounts) {
		if mount.point == point {
			m.mounts = slices.Delete(m.mounts, i, i+1)
			return "", "", 0
		}
	}
	return "", "umount: not mounted", 32
}

func (m *machine) cryptsetup(argv []string) (stdout, stderr string, exit int) {
	name := argv[len(argv)-1]
	if argv[1] == "close" {
		if slices.ContainsFunc(m.mounts, func(mount mounted) bool { return mount.device == name }) {
			return "", "Device " + name + " is still in use.", 5
		}
		delete(m.unlocked, name)
		return "", "", 0
	}
	device, what := m.in(argv[len(argv)-2])
	if key, err := os.ReadFile(argv[slices.Index(argv, "--key-file")+1]); err != nil || string(key) != "right" {
		return "", "No key available with this passphrase.", 2
	}
	m.written[device] = true
	m.unlocked[name] = m.storage(device)
	m.holds[m.storage(name)] = what.inside
	return "", "", 0
}

func (m *machine) dmsetup(argv []string) (stdout, stderr string, exit int) {
	root := "-"
	if m.isHeld {
		root = "106"
	}
	switch argv[len(argv)-1] {
	case "reserve_metadata_snap":
		if m.isHeld {
			return "", "device-mapper: message ioctl failed: Device or resource busy", 1
		}
		m.isHeld = true
	case "release_metadata_snap":
		if !m.isHeld {
			return "", "device-mapper: message ioctl failed: Invalid argument", 1
		}
		m.isHeld = false
	default:
		return "0 8388608 thin-pool 4 118/1024 83/65536 " + root + " rw no_discard_passdown queue_if_no_space - 256 \n", "", 0
	}
	return "", "", 0
}

// wantNothingOpen looks for whatever an Opener could leave behind.
func (m *machine) wantNothingOpen(access plan.SnapshotAccess) {
	m.t.Helper()
	if len(m.mounts) > 0 || len(m.unlocked) > 0 || m.row(access.OpenName) != nil || m.row(access.Name).Active != "" {
		m.t.Errorf("left open: mounts %v, mappings %v, volumes %v", m.mounts, m.unlocked, slices.Collect(maps.Keys(m.devices())))
	}
	if entries, _ := os.ReadDir(access.MountFolder); len(entries) > 0 {
		m.t.Errorf("left in the mount folder: %v", entries)
	}
	if m.written[mapperName("pve", access.Name)] {
		m.t.Error("the snapshot was written to")
	}
}
