package kube

import (
	"reflect"
	"testing"

	v1 "k8s.io/api/core/v1"
)

func TestPluginNamesEveryKindOfVolume(t *testing.T) {
	kinds := reflect.TypeFor[v1.PersistentVolumeSource]()
	seen := map[string]bool{"": true}
	for i := range kinds.NumField() {
		var source v1.PersistentVolumeSource
		field := reflect.ValueOf(&source).Elem().Field(i)
		field.Set(reflect.New(field.Type().Elem()))
		name := plugin(source)
		if seen[name] {
			t.Errorf("%s has the name %q of another kind", kinds.Field(i).Name, name)
		}
		seen[name] = true
	}
	for _, name := range []string{"csi", "nfs", "hostPath", "local"} {
		if !seen[name] {
			t.Errorf("no kind is called %q", name)
		}
	}
	if name := plugin(v1.PersistentVolumeSource{}); name != "" {
		t.Errorf("an unknown kind is called %q", name)
	}
}
