package kube

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bkplan/bkplan/internal/plan"
)

func createNamespace(t *testing.T, name string) {
	t.Helper()
	namespace := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := cluster.Admin.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// createVolume makes a volume of 10 GiB from source and gives it a phase, as
// the volume controller would.
func createVolume(t *testing.T, name string, source v1.PersistentVolumeSource, claim *v1.ObjectReference, phase v1.PersistentVolumePhase) {
	t.Helper()
	volumes := cluster.Admin.CoreV1().PersistentVolumes()
	volume, err := volumes.Create(t.Context(), &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1.PersistentVolumeSpec{
			Capacity:                      v1.ResourceList{v1.ResourceStorage: resource.MustParse("10Gi")},
			AccessModes:                   []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce},
			PersistentVolumeReclaimPolicy: v1.PersistentVolumeReclaimRetain,
			PersistentVolumeSource:        source,
			ClaimRef:                      claim,
			StorageClassName:              "proxmox-lvm",
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	volume.Status.Phase = phase
	if _, err := volumes.UpdateStatus(t.Context(), volume, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// createClaim makes a claim that names a volume, and gives it a phase.
func createClaim(t *testing.T, namespace, name, volume string, phase v1.PersistentVolumeClaimPhase) {
	t.Helper()
	claims := cluster.Admin.CoreV1().PersistentVolumeClaims(namespace)
	class := "proxmox-lvm"
	claim, err := claims.Create(t.Context(), &v1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1.PersistentVolumeClaimSpec{
			AccessModes:      []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce},
			Resources:        v1.VolumeResourceRequirements{Requests: v1.ResourceList{v1.ResourceStorage: resource.MustParse("10Gi")}},
			StorageClassName: &class,
			VolumeName:       volume,
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	claim.Status.Phase = phase
	if _, err := claims.UpdateStatus(t.Context(), claim, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// createVolumes makes many volumes, some side by side.
func createVolumes(t *testing.T, prefix string, count int) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(16)
	for i := range count {
		name := fmt.Sprintf("%s-%05d", prefix, i)
		group.Go(func() error {
			_, err := cluster.Admin.CoreV1().PersistentVolumes().Create(ctx, &v1.PersistentVolume{
				ObjectMeta: metav1.ObjectMeta{Name: name},
				Spec: v1.PersistentVolumeSpec{
					Capacity:               v1.ResourceList{v1.ResourceStorage: resource.MustParse("1Gi")},
					AccessModes:            []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce},
					PersistentVolumeSource: proxmox("homelab/pve/local-lvm/" + name),
				},
			}, metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func proxmox(handle string) v1.PersistentVolumeSource {
	return v1.PersistentVolumeSource{CSI: &v1.CSIPersistentVolumeSource{
		Driver: "csi.proxmox.sinextra.dev", VolumeHandle: handle, FSType: "ext4",
	}}
}

func claimRef(namespace, name string) *v1.ObjectReference {
	return &v1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: namespace, Name: name}
}

// only is what a cluster has of the namespaces, volumes and claims whose
// names begin with prefix.
func only(c plan.Cluster, prefix string) plan.Cluster {
	part := plan.Cluster{Kubeconfig: c.Kubeconfig, Context: c.Context, Server: c.Server, Seen: c.Seen}
	for _, n := range c.Namespaces {
		if strings.HasPrefix(n, prefix) {
			part.Namespaces = append(part.Namespaces, n)
		}
	}
	for _, v := range c.Volumes {
		if strings.HasPrefix(v.Name, prefix) {
			part.Volumes = append(part.Volumes, v)
		}
	}
	for _, claim := range c.Claims {
		if strings.HasPrefix(claim.Namespace, prefix) {
			part.Claims = append(part.Claims, claim)
		}
	}
	return part
}
