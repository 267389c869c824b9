package kube

import (
	"reflect"
	"strings"

	v1 "k8s.io/api/core/v1"

	"github.com/bkplan/bkplan/internal/plan"
)

func namespaceNames(l *v1.NamespaceList) []string {
	names := make([]string, len(l.Items))
	for i := range l.Items {
		names[i] = l.Items[i].Name
	}
	return names
}

func persistentVolumes(l *v1.PersistentVolumeList) []plan.PersistentVolume {
	volumes := make([]plan.PersistentVolume, len(l.Items))
	for i := range l.Items {
		volumes[i] = persistentVolume(&l.Items[i])
	}
	return volumes
}

func persistentVolume(pv *v1.PersistentVolume) plan.PersistentVolume {
	volume := plan.PersistentVolume{
		Name:         pv.Name,
		Driver:       plugin(pv.Spec.PersistentVolumeSource),
		Phase:        string(pv.Status.Phase),
		StorageClass: pv.Spec.StorageClassName,
		Bytes:        pv.Spec.Capacity.Storage().Value(),
	}
	if csi := pv.Spec.CSI; csi != nil {
		volume.Driver, volume.Handle = csi.Driver, csi.VolumeHandle
	}
	if ref := pv.Spec.ClaimRef; ref != nil {
		volume.Namespace, volume.Claim = ref.Namespace, ref.Name
	}
	return volume
}

// plugin names what a volume is made of as its manifest does: csi, nfs,
// hostPath. A kind that this version does not know is empty.
func plugin(source v1.PersistentVolumeSource) string {
	value := reflect.ValueOf(source)
	for i := range value.NumField() {
		if !value.Field(i).IsNil() {
			name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
			return name
		}
	}
	return ""
}

func persistentVolumeClaims(l *v1.PersistentVolumeClaimList) []plan.Claim {
	claims := make([]plan.Claim, len(l.Items))
	for i := range l.Items {
		pvc := &l.Items[i]
		claims[i] = plan.Claim{
			Namespace: pvc.Namespace,
			Name:      pvc.Name,
			Volume:    pvc.Spec.VolumeName,
			Phase:     string(pvc.Status.Phase),
		}
	}
	return claims
}
