package kube

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/bkplan/bkplan/internal/plan"
)

// loadConfig finds out how to reach the cluster that the source names. It
// reads that one kubeconfig, never $KUBECONFIG or ~/.kube, and writes nothing.
func loadConfig(source plan.KubernetesSource) (*rest.Config, error) {
	if source.Kubeconfig == "" {
		return inCluster(source)
	}
	file, err := readKubeconfig(source.Kubeconfig)
	if err != nil {
		return nil, err
	}
	name := source.Context
	if name == "" {
		name = file.CurrentContext
	}
	chosen, found := file.Contexts[name]
	if !found {
		return nil, noContext(source, name, file)
	}
	if _, found := file.Clusters[chosen.Cluster]; !found {
		return nil, fmt.Errorf("%w: %s: context %q is for cluster %q, which is not in it; copy it anew from the cluster",
			ErrKubeconfig, source.Kubeconfig, name, chosen.Cluster)
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*file, name, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: context %q: %s; copy a working one from the cluster",
			ErrKubeconfig, source.Kubeconfig, name, clean(err, nil))
	}
	return config, nil
}

func inCluster(source plan.KubernetesSource) (*rest.Config, error) {
	if source.Context != "" {
		return nil, fmt.Errorf("%w: context %q is set but no kubeconfig to look it up in; set kubeconfig too",
			ErrKubeconfig, source.Context)
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("%w: none is set and bkplan does not run inside a cluster: %s; set kubeconfig",
			ErrKubeconfig, clean(err, nil))
	}
	return config, nil
}

// yamlLine finds where a parser stopped: the rest of its message may quote
// the file, and with it a token.
var yamlLine = regexp.MustCompile(`\bline \d+`)

func readKubeconfig(path string) (*api.Config, error) {
	file, err := clientcmd.LoadFromFile(path)
	if err == nil {
		err = clientcmd.ResolveLocalPaths(file)
	}
	var fileErr *fs.PathError
	switch {
	case err == nil:
		return file, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s does not exist; copy one from the cluster or correct the path", ErrKubeconfig, path)
	case errors.As(err, &fileErr):
		return nil, fmt.Errorf("%w: %s cannot be read: %w; run as a user who may", ErrKubeconfig, path, fileErr.Err)
	}
	where := ""
	if line := yamlLine.FindString(err.Error()); line != "" {
		where = " (" + line + ")"
	}
	return nil, fmt.Errorf("%w: %s is not a valid kubeconfig%s; copy it anew from the cluster", ErrKubeconfig, path, where)
}

// noContext says which contexts there are instead of the one looked for.
func noContext(source plan.KubernetesSource, name string, file *api.Config) error {
	if len(file.Contexts) == 0 {
		return fmt.Errorf("%w: %s has no contexts; copy it anew from the cluster", ErrKubeconfig, source.Kubeconfig)
	}
	known := strings.Join(slices.Sorted(maps.Keys(file.Contexts)), ", ")
	if name == "" {
		return fmt.Errorf("%w: %s has no current context; set context to one of: %s", ErrKubeconfig, source.Kubeconfig, known)
	}
	return fmt.Errorf("%w: %s has no context %q; it has: %s", ErrKubeconfig, source.Kubeconfig, name, known)
}

// serverOf is the API's URL as the configuration has it, without credentials.
func serverOf(config *rest.Config) string {
	u, err := url.Parse(config.Host)
	if err != nil {
		return config.Host
	}
	u.User = nil
	return u.String()
}

// nameOf is what a person calls the source's configuration.
func nameOf(source plan.KubernetesSource) string {
	if source.Kubeconfig == "" {
		return "the service account of this pod"
	}
	return source.Kubeconfig
}
