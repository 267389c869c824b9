package planfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/plan"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// homelab is an observation of a pool with so many volumes, each with so many
// daily snapshots, and of a cluster that names them.
func homelab(volumes, snapshots int) plan.Observation {
	percent := 42.17
	pool := plan.Pool{
		VolumeGroup: "pve", VolumeGroupUUID: "Cw2fXo-0nDp-Jlfm-4wUl-Hgzx-0fYz-Yj4aVp", Name: "data",
		UUID: "Ttd1Pl-x2Ks-8Hv0-PzQf-0c9D-lqbW-1h5rTf", Size: 10 << 40, MetadataSize: 16 << 30,
		DataPercent: &percent, MetadataPercent: &percent, Others: []string{"root", "swap"},
	}
	cluster := plan.Cluster{Kubeconfig: "/root/.kube/config", Server: "https://192.168.1.100:6443", Seen: noon, Namespaces: []string{"apps"}}
	for v := range volumes {
		pv := fmt.Sprintf("pvc-%08x-3c5a-4f6e-9b1d-%012x", v, v)
		live := plan.LogicalVolume{
			Name: "vm-9999-" + pv, UUID: fmt.Sprintf("Abcdef-%06x-1111-2222-3333-4444-%02x", v, 0),
			Size: 10 << 30, ThinID: int64(v), Active: true, Open: true, Created: noon.AddDate(0, -3, 0),
		}
		pool.Volumes = append(pool.Volumes, live)
		for s := range snapshots {
			pool.Volumes = append(pool.Volumes, snapshotOf(live, s+1))
		}
		cluster.Volumes = append(cluster.Volumes, plan.PersistentVolume{
			Name: pv, Driver: "csi.proxmox.sinextra.dev", Handle: "home/pve/local-lvm/" + live.Name, Phase: "Bound",
			Namespace: "apps", Claim: fmt.Sprint("data-", v), StorageClass: "proxmox", Bytes: 10 << 30,
		})
		cluster.Claims = append(cluster.Claims, plan.Claim{Namespace: "apps", Name: fmt.Sprint("data-", v), Volume: pv, Phase: "Bound"})
	}
	return plan.Observation{Time: noon, Host: "pve", HostID: "0123456789abcdef", Pools: []plan.Pool{pool}, Clusters: []plan.Cluster{cluster}}
}

func snapshotOf(live plan.LogicalVolume, daysAgo int) plan.LogicalVolume {
	made := noon.AddDate(0, 0, -daysAgo)
	return plan.LogicalVolume{
		Name: live.Name + "_snap_" + made.Format("20060102_1504"), UUID: fmt.Sprint(live.UUID[:len(live.UUID)-2], "s", daysAgo),
		Origin: live.Name, OriginUUID: live.UUID, Size: live.Size, ThinID: live.ThinID*100 + int64(daysAgo) + 1e6, SkipActivation: true,
		Tags: []string{"bkplan.layer=snapshots", "bkplan.slot=" + made.Format("20060102T1504Z")}, Created: made,
	}
}

func encoded(t testing.TB, o plan.Observation) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := EncodeObservation(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestObservationRoundTrip(t *testing.T) {
	want := homelab(3, 2)
	data := encoded(t, want)
	got, err := DecodeObservation(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if again := encoded(t, got); !bytes.Equal(data, again) {
		t.Errorf("encoded again, it differs:\n%s\n%s", data, again)
	}
}

// Every exported field, whoever adds one, survives the cursor as it survives
// encoding/json.
func TestCursorReadsWhatJSONReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := arbitrary(t, reflect.TypeFor[plan.Observation]()).Interface().(plan.Observation)
		data, err := json.Marshal(map[string]any{"observation": o})
		if err != nil {
			t.Fatal(err)
		}
		var want struct{ Observation plan.Observation }
		if err := unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		got, err := readObservation(string(data))
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if diff := cmp.Diff(want.Observation, got); diff != "" {
			t.Fatalf("-json +cursor:\n%s", diff)
		}
	})
}

// arbitrary fills a value of any of the types that an observation is made of.
func arbitrary(t *rapid.T, of reflect.Type) reflect.Value {
	value := reflect.New(of).Elem()
	if of == reflect.TypeFor[time.Time]() {
		seconds := rapid.Int64Range(0, 4e9).Draw(t, "seconds")
		value.Set(reflect.ValueOf(time.Unix(seconds, rapid.Int64Range(0, 999).Draw(t, "ns")).UTC()))
		return value
	}
	switch of.Kind() {
	case reflect.Struct:
		for i := range of.NumField() {
			value.Field(i).Set(arbitrary(t, of.Field(i).Type))
		}
	case reflect.Slice:
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			value.Set(reflect.Append(value, arbitrary(t, of.Elem())))
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "set") {
			value.Set(reflect.New(of.Elem()))
			value.Elem().Set(arbitrary(t, of.Elem()))
		}
	case reflect.String:
		value.SetString(rapid.String().Draw(t, "string"))
	case reflect.Bool:
		value.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int64:
		value.SetInt(rapid.Int64().Draw(t, "integer"))
	case reflect.Map:
		if rapid.Bool().Draw(t, "map") {
			value.Set(reflect.MakeMap(of))
			value.SetMapIndex(arbitrary(t, of.Key()), arbitrary(t, of.Elem()))
		}
	case reflect.Uint64:
		value.SetUint(rapid.Uint64().Draw(t, "number"))
	case reflect.Float64:
		value.SetFloat(rapid.Float64Range(0, 100).Draw(t, "number"))
	default:
		t.Fatalf("no arbitrary %s", of)
	}
	return value
}

func BenchmarkDecodeObservation(b *testing.B) {
	for _, volumes := range []int{10_000, 20_000} {
		b.Run(fmt.Sprint(volumes), func(b *testing.B) {
			data := encoded(b, homelab(volumes, 8))
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeObservation(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeObservation(b *testing.B) {
	o := homelab(10_000, 8)
	b.ReportAllocs()
	for b.Loop() {
		encoded(b, o)
	}
}

// A receipt that leads out of its disk is no receipt, wherever it comes from.
func TestForgedReceiptIsRefused(t *testing.T) {
	for _, forged := range []string{"../../etc", "/etc", ""} {
		o := plan.Observation{
			Time: time.Unix(0, 0), Host: "pve",
			Disks: []plan.Disk{{Path: "/mnt/backup", Receipts: []plan.Receipt{{Layer: "weekly", Path: forged}}}},
		}
		var text bytes.Buffer
		if err := EncodeObservation(&text, o); err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeObservation(text.Bytes()); err == nil || !strings.Contains(err.Error(), "no place on it") {
			t.Errorf("%q: %v", forged, err)
		}
	}
}
