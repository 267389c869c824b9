package kube

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pageSize is how many objects one request asks for.
const pageSize = 500

// errNoAnswer marks an HTTP success that did not come from a Kubernetes API.
var errNoAnswer = errors.New("not an answer of a Kubernetes API")

// list fetches all pages of a resource and converts each as it comes. A
// continue token that expired on the way (the API forgets after minutes)
// restarts the list, once.
func list[L metav1.ListInterface, T any](
	ctx context.Context, resource string,
	fetch func(context.Context, metav1.ListOptions) (L, error), convert func(L) []T,
) ([]T, error) {
	all, err := pages(ctx, fetch, convert)
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		all, err = pages(ctx, fetch, convert)
	}
	if err != nil {
		return nil, &listError{resource: resource, err: err}
	}
	return all, nil
}

func pages[L metav1.ListInterface, T any](
	ctx context.Context,
	fetch func(context.Context, metav1.ListOptions) (L, error), convert func(L) []T,
) ([]T, error) {
	all := []T{}
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := fetch(ctx, options)
		if err != nil {
			return nil, err
		}
		// Any JSON object decodes as an empty list; only a real one has a version.
		if page.GetResourceVersion() == "" {
			return nil, fmt.Errorf("%w: the list has no resource version", errNoAnswer)
		}
		all = append(all, convert(page)...)
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

// listError says which list failed.
type listError struct {
	resource string
	err      error
}

func (e *listError) Error() string { return "list " + e.resource + ": " + e.err.Error() }
func (e *listError) Unwrap() error { return e.err }

// refusals are the lists that the API did not permit.
type refusals []*listError

// add takes err in if it is a refusal.
func (r *refusals) add(err error) bool {
	var refused *listError
	if !errors.As(err, &refused) || !apierrors.IsForbidden(refused.err) {
		return false
	}
	*r = append(*r, refused)
	return true
}

func (r refusals) Error() string { return r[0].Error() }

// resources are the names of what was refused.
func (r refusals) resources() []string {
	names := make([]string, len(r))
	for i, e := range r {
		names[i] = e.resource
	}
	return names
}
