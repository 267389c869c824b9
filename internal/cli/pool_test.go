package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// newPool is three volumes of PVCs with snapshots as the older script named
// them, and the disk of a VM.
func newPool() plan.Pool {
	used, metadata := 20.0, 10.0
	pool := plan.Pool{
		VolumeGroup: "pve", VolumeGroupUUID: poolUUID(90), Name: "data", UUID: poolUUID(91), Size: 1 << 40, MetadataSize: 1 << 30,
		DataPercent: &used, MetadataPercent: &metadata, Others: []string{"root"},
	}
	for _, name := range []string{"vm-101-disk-0", "vm-9999-pvc-books", "vm-9999-pvc-mail", "vm-9999-pvc-photos"} {
		addVolume(&pool, plan.LogicalVolume{Name: name, Active: true, Created: day(1)})
	}
	for _, s := range []struct {
		origin string
		day    int
	}{{"books", 21}, {"books", 22}, {"books", 23}, {"mail", 23}} {
		addSnapshot(&pool, "vm-9999-pvc-"+s.origin, fmt.Sprintf("vm-9999-pvc-%s_snap_202611%02d_0300", s.origin, s.day), day(s.day))
	}
	return pool
}

func day(n int) time.Time { return time.Date(2026, 11, n, 1, 0, 0, 0, time.UTC) }

func poolUUID(n int) string { return fmt.Sprintf("%06d-0000-0000-0000-0000-0000-000000", n) }

func addVolume(pool *plan.Pool, v plan.LogicalVolume) {
	n := 1
	for _, other := range pool.Volumes {
		n = max(n, int(other.ThinID)+1)
	}
	v.UUID, v.ThinID, v.Size = poolUUID(n), int64(n), 1<<30
	pool.Volumes = append(pool.Volumes, v)
}

func addSnapshot(pool *plan.Pool, origin, name string, created time.Time, tags ...string) {
	i := slices.IndexFunc(pool.Volumes, func(v plan.LogicalVolume) bool { return v.Name == origin })
	addVolume(pool, plan.LogicalVolume{
		Name: name, Origin: origin, OriginUUID: pool.Volumes[i].UUID, Tags: tags, SkipActivation: true, Created: created,
	})
}

// newWorld is newPool, seen on host pve five minutes before the scripts' now.
func newWorld() plan.Observation {
	return plan.Observation{
		Time: time.Date(2026, 11, 24, 1, 5, 0, 0, time.UTC), Host: "pve", HostID: "0123456789abcdef",
		Pools: []plan.Pool{newPool()},
	}
}

func savePool(path string, pool plan.Pool) error {
	text, err := json.Marshal(pool)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// pretendLVM is one of LVM's programs, on the pool in the file $POOL. It logs
// its name and last argument beside it. A volume named in $LVM_FAIL fails with
// exit 5. While the file $LVM_HOLD is there it does not end; $LVM_HOLD_AT is
// the one program for which that counts.
func pretendLVM(program string) func() {
	return func() {
		at := os.Getenv("LVM_HOLD_AT")
		path := os.Getenv("POOL")
		log, err := os.OpenFile(filepath.Join(filepath.Dir(path), "lvm.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		check(err)
		fmt.Fprintln(log, program, os.Args[len(os.Args)-1])
		text, err := os.ReadFile(path)
		check(err)
		var pool plan.Pool
		check(json.Unmarshal(text, &pool))
		for (at == "" || at == program) && held(os.Getenv("LVM_HOLD")) {
			time.Sleep(10 * time.Millisecond)
		}
		answer(program, &pool)
		check(savePool(path, pool))
	}
}

func held(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, " ", err)
		os.Exit(5)
	}
}

func answer(program string, pool *plan.Pool) {
	last := strings.TrimPrefix(os.Args[len(os.Args)-1], pool.VolumeGroup+"/")
	if fail := os.Getenv("LVM_FAIL"); fail != "" && fail == last {
		check(fmt.Errorf("device-mapper: message ioctl on %s failed: Input/output error", last))
	}
	switch program {
	case "vgs", "lvs":
		if last != pool.VolumeGroup {
			check(fmt.Errorf("Volume group %q not found", last))
		}
		report(program, *pool)
	case "lvcreate":
		addSnapshot(pool, last, argumentsOf("--name")[0], now(), argumentsOf("--addtag")...)
	case "lvremove":
		remove(pool)
	}
}

func now() time.Time {
	t, err := time.Parse(time.RFC3339, os.Getenv("BKPLAN_TEST_NOW"))
	check(err)
	return t
}

func argumentsOf(flag string) []string {
	var values []string
	for i, argument := range os.Args {
		if argument == flag {
			values = append(values, os.Args[i+1])
		}
	}
	return values
}

var selectionTerm = regexp.MustCompile(`(lv_name|lv_uuid)="([^"]*)"`)

// selected says whether -S lets a row through.
func selected(name, uuid string) bool {
	selections := argumentsOf("-S")
	if len(selections) == 0 {
		return true
	}
	return slices.ContainsFunc(selectionTerm.FindAllStringSubmatch(selections[0], -1), func(match []string) bool {
		return match[2] == map[string]string{"lv_name": name, "lv_uuid": uuid}[match[1]]
	})
}

func remove(pool *plan.Pool) {
	pool.Volumes = slices.DeleteFunc(pool.Volumes, func(v plan.LogicalVolume) bool {
		return slices.Contains(os.Args, pool.VolumeGroup+"/"+v.Name) && selected(v.Name, v.UUID)
	})
}

func report(program string, pool plan.Pool) {
	rows := []map[string]string{{"vg_name": pool.VolumeGroup, "vg_uuid": pool.VolumeGroupUUID}}
	if program == "lvs" {
		rows = volumeRows(pool)
	}
	kind := map[string]string{"vgs": "vg", "lvs": "lv"}[program]
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"report": []any{map[string]any{kind: rows}}}))
}

func volumeRows(pool plan.Pool) []map[string]string {
	rows := []map[string]string{
		{"lv_name": "root", "lv_uuid": poolUUID(92), "lv_layout": "linear"},
		{
			"lv_name": pool.Name, "lv_uuid": pool.UUID, "lv_layout": "thin,pool", "lv_size": fmt.Sprint(pool.Size),
			"lv_metadata_size": fmt.Sprint(pool.MetadataSize), "lv_active": "active",
			"data_percent": fmt.Sprint(*pool.DataPercent), "metadata_percent": fmt.Sprint(*pool.MetadataPercent),
		},
	}
	for _, v := range pool.Volumes {
		row := map[string]string{
			"lv_name": v.Name, "lv_uuid": v.UUID, "lv_layout": "thin,sparse", "pool_lv": pool.Name, "origin": v.Origin, "origin_uuid": v.OriginUUID,
			"lv_size": fmt.Sprint(v.Size), "lv_tags": strings.Join(v.Tags, ","), "lv_time": strconv.FormatInt(v.Created.Unix(), 10), "thin_id": fmt.Sprint(v.ThinID),
		}
		if v.Active {
			row["lv_active"] = "active"
		}
		if v.SkipActivation {
			row["lv_skip_activation"] = "skip activation"
		}
		rows = append(rows, row)
	}
	return slices.DeleteFunc(rows, func(r map[string]string) bool { return !selected(r["lv_name"], r["lv_uuid"]) })
}
