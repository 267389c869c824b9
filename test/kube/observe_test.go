package kube

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers/kube"
)

const gib = 1 << 30

func TestObserveNamesPhasesAndHandles(t *testing.T) {
	const newForm = "homelab/pve/local-lvm/vm-9999-pvc-5a3f1c52-0c5e-4d5b-9a77-0d6f3a0f8a11"
	const oldForm = "local-lvm:vm-9999-pvc-77e1b1a4-54f6-4e0c-8a34-3a2c1f0d9e55"
	createNamespace(t, "names-vault")
	createNamespace(t, "names-empty")
	createVolume(t, "names-bound", proxmox(newForm), claimRef("names-vault", "data"), v1.VolumeBound)
	createVolume(t, "names-old", proxmox(oldForm), claimRef("names-vault", "data-old"), v1.VolumeReleased)
	createVolume(t, "names-free", proxmox("homelab/pve/local-lvm/free"), nil, v1.VolumeAvailable)
	createVolume(t, "names-failed", proxmox("homelab/pve/local-lvm/failed"), nil, v1.VolumeFailed)
	createVolume(t, "names-nfs", v1.PersistentVolumeSource{NFS: &v1.NFSVolumeSource{Server: "192.168.1.13", Path: "/volume1"}}, nil, v1.VolumeAvailable)
	createVolume(t, "names-path", v1.PersistentVolumeSource{HostPath: &v1.HostPathVolumeSource{Path: "/srv"}}, nil, v1.VolumeAvailable)
	createClaim(t, "names-vault", "data", "names-bound", v1.ClaimBound)
	createClaim(t, "names-vault", "waiting", "", v1.ClaimPending)
	createClaim(t, "names-vault", "widow", "names-gone", v1.ClaimLost)

	source := kubeconfig(t, bearer(adminToken))
	now := time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)
	got, err := kube.New(source, "test").Observe(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	volume := func(name, driver, handle, phase, claim string) plan.PersistentVolume {
		v := plan.PersistentVolume{Name: name, Driver: driver, Handle: handle, Phase: phase, StorageClass: "proxmox-lvm", Bytes: 10 * gib}
		v.Namespace, v.Claim, _ = strings.Cut(claim, "/")
		return v
	}
	const csi = "csi.proxmox.sinextra.dev"
	want := plan.Cluster{
		Kubeconfig: source.Kubeconfig,
		Server:     cluster.Server,
		Seen:       now,
		Namespaces: []string{"names-empty", "names-vault"},
		Volumes: []plan.PersistentVolume{
			volume("names-bound", csi, newForm, "Bound", "names-vault/data"),
			volume("names-failed", csi, "homelab/pve/local-lvm/failed", "Failed", ""),
			volume("names-free", csi, "homelab/pve/local-lvm/free", "Available", ""),
			volume("names-nfs", "nfs", "", "Available", ""),
			volume("names-old", csi, oldForm, "Released", "names-vault/data-old"),
			volume("names-path", "hostPath", "", "Available", ""),
		},
		Claims: []plan.Claim{
			{Namespace: "names-vault", Name: "data", Volume: "names-bound", Phase: "Bound"},
			{Namespace: "names-vault", Name: "waiting", Phase: "Pending"},
			{Namespace: "names-vault", Name: "widow", Volume: "names-gone", Phase: "Lost"},
		},
	}
	if diff := cmp.Diff(want, only(got, "names-")); diff != "" {
		t.Error("observed (-want +got):\n", diff)
	}
}

func TestObserveNamesOfFullLength(t *testing.T) {
	name := "long-" + strings.Repeat("x", 63-len("long-"))
	claim := "data.v1-" + strings.Repeat("y", 253-len("data.v1-"))
	createNamespace(t, name)
	createVolume(t, name, proxmox("homelab/pve/local-lvm/a+b.c_d-"+strings.Repeat("z", 97)), claimRef(name, claim), v1.VolumeBound)
	createClaim(t, name, claim, name, v1.ClaimBound)

	got, err := kube.New(kubeconfig(t, bearer(adminToken)), "test").Observe(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	got = only(got, "long-")
	if len(got.Volumes) != 1 || got.Volumes[0].Claim != claim || got.Volumes[0].Namespace != name {
		t.Errorf("volumes %+v, want one that belongs to %s/%s", got.Volumes, name, claim)
	}
	if handle, ok := plan.ParseHandle(got.Volumes[0].Handle); !ok || !strings.HasPrefix(handle.Volume, "a+b.c_d-") {
		t.Errorf("handle %q does not parse", got.Volumes[0].Handle)
	}
}

const manyVolumes = 5000

func TestObserveManyVolumes(t *testing.T) {
	createVolumes(t, "many", manyVolumes)
	source := kubeconfig(t, bearer(adminToken))
	begin := time.Now()
	got, err := kube.New(source, "test").Observe(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("observed %d volumes in %s", len(got.Volumes), time.Since(begin).Round(time.Millisecond))
	volumes := only(got, "many-").Volumes
	if len(volumes) != manyVolumes {
		t.Fatalf("observed %d volumes, want %d", len(volumes), manyVolumes)
	}
	for i, v := range volumes {
		if want := fmt.Sprintf("many-%05d", i); v.Name != want || v.Handle != "homelab/pve/local-lvm/"+want {
			t.Fatalf("volume %d is %+v, want %s", i, v, want)
		}
	}
}
