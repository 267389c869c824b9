package main

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A cluster is what the lab's Kubernetes knows.
type cluster struct {
	Namespaces []string `json:"namespaces"`
	Volumes    []volume `json:"volumes"`
}

// A volume is a persistent volume together with the claim it is bound to. One
// whose phase is not Bound keeps its claim reference but has no claim object, as
// after the deletion of a claim whose volume is retained.
type volume struct {
	Name         string `json:"name"`
	Handle       string `json:"handle"` // the CSI volume handle, "region/node/storage/lv"
	Driver       string `json:"driver"`
	Phase        string `json:"phase"`
	Namespace    string `json:"namespace"`
	Claim        string `json:"claim"`
	StorageClass string `json:"storageClass"`
	Bytes        int64  `json:"bytes"`
}

func (c cluster) namespaceList(wanted page) any {
	items := make([]corev1.Namespace, 0, len(c.Namespaces))
	for _, name := range c.Namespaces {
		items = append(items, corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid("namespace", name)},
			Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
		})
	}
	list := corev1.NamespaceList{TypeMeta: listType("NamespaceList")}
	list.Items, list.ListMeta = cut(items, wanted)
	return list
}

func (c cluster) volumeList(wanted page) any {
	items := make([]corev1.PersistentVolume, 0, len(c.Volumes))
	for _, v := range c.Volumes {
		items = append(items, v.persistentVolume())
	}
	list := corev1.PersistentVolumeList{TypeMeta: listType("PersistentVolumeList")}
	list.Items, list.ListMeta = cut(items, wanted)
	return list
}

func (c cluster) claimList(wanted page) any {
	items := make([]corev1.PersistentVolumeClaim, 0, len(c.Volumes))
	for _, v := range c.Volumes {
		if v.Phase == string(corev1.VolumeBound) {
			items = append(items, v.persistentVolumeClaim())
		}
	}
	list := corev1.PersistentVolumeClaimList{TypeMeta: listType("PersistentVolumeClaimList")}
	list.Items, list.ListMeta = cut(items, wanted)
	return list
}

func (v volume) persistentVolume() corev1.PersistentVolume {
	return corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: v.Name, UID: uid("volume", v.Name)},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:         v.storage(),
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: v.StorageClass,
			ClaimRef: &corev1.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1",
				Namespace: v.Namespace, Name: v.Claim,
				UID: uid("claim", v.Namespace, v.Claim),
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				CSI: &corev1.CSIPersistentVolumeSource{Driver: v.Driver, VolumeHandle: v.Handle, FSType: "ext4"},
			},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.PersistentVolumePhase(v.Phase)},
	}
}

func (v volume) persistentVolumeClaim() corev1.PersistentVolumeClaim {
	return corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: v.Namespace, Name: v.Claim,
			UID: uid("claim", v.Namespace, v.Claim),
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName:       v.Name,
			StorageClassName: &v.StorageClass,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: v.storage()},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, Capacity: v.storage()},
	}
}

func (v volume) storage() corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceStorage: *resource.NewQuantity(v.Bytes, resource.BinarySI)}
}

func listType(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{Kind: kind, APIVersion: "v1"}
}

// uid makes an identity that stays the same from one answer to the next.
func uid(words ...string) types.UID {
	return types.UID(strings.Join(words, "-"))
}
