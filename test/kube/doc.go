// Package kube runs bkplan's Kubernetes provider against a real API: a
// kube-apiserver, built from the Go module k8s.io/kubernetes at the version in
// go.mod, over an etcd, both on loopback and gone when the tests end. There
// are no nodes and no controllers: a test creates objects and sets their
// status itself.
//
// It is a module of its own, because a Kubernetes server has far more
// dependencies than bkplan. Start at main_test.go; `make test-kube` does it
// all. The Go tests want BKPLAN_KUBE_APISERVER, the binary that ./build
// prints, and are skipped without it; with BKPLAN_KUBE=1 that is a failure.
//
// `go test -run TestRecord -update` renews the answers in
// internal/providers/kube/testdata, with which the provider is tested where
// there is no API server.
package kube
