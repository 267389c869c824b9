package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/rsync"
	"github.com/bkplan/bkplan/internal/tree"
)

var _ providers.Restorer = (*Provider)(nil)

// Restore fetches a version. Where the user over there is not root, the manifest has
// the owners, modes and device nodes that the version itself has not. What cannot be read
// over there is a finding, and the rest is restored.
func (p *Provider) Restore(ctx context.Context, h plan.HeldVersion, into string) (providers.Restored, error) {
	j, err := p.adoption(h, p.Now())
	if err != nil {
		return providers.Restored{}, err
	}
	manifest := receipt.ManifestFile(h.Of.Layer, h.Of.Version, h.Of.Volume)
	v, err := j.see(ctx, question{kinds: []string{j.path, manifest}})
	if err != nil {
		return providers.Restored{}, err
	}
	if v.kinds[j.path] != isFolder {
		return providers.Restored{}, stale("%s: version %q is gone", j.host(), j.path)
	}
	err = j.fetch(ctx, kept(v), j.path+"/", filepath.Clean(into)+"/")
	uncopied := rsync.Uncopied(err)
	if err != nil && uncopied == nil {
		return providers.Restored{}, err
	}
	if v.kinds[manifest] != isFile {
		return providers.Restored{Unproven: true, Findings: uncopied}, nil
	}
	here := filepath.Join(p.folder, "manifest-"+rand.Text())
	defer func() { _ = os.Remove(here) }() // with its folder, at the latest
	if err := j.fetch(ctx, []string{"-t"}, manifest, here); err != nil {
		return providers.Restored{}, fmt.Errorf("fetch manifest: %w", err)
	}
	restored, err := reset(ctx, into, here, h.Receipt.Digest)
	restored.Findings = append(uncopied, restored.Findings...)
	return restored, err
}

// kept is what a version over there has of its files.
func kept(v view) []string {
	short, words := "-rlptHS", []string(nil)
	if v.root {
		short, words = short+"goDA", []string{"--numeric-ids"}
	}
	if can(v, "xattrs") {
		short += "X"
	}
	return append(words, short, "--partial")
}

// fetch copies from over there.
func (j job) fetch(ctx context.Context, words []string, from, into string) error {
	shell, host, err := j.Shell()
	if err != nil {
		return err
	}
	if ipv6(host) {
		host = "[" + host + "]"
	}
	argv := append([]string{"rsync", "-e", shellWords(shell), "-s", "--timeout=" + strconv.Itoa(ioTimeout)}, words...)
	argv = append(argv, "--", host+":"+literal(filepath.Join(j.root(), from)), into)
	if from[len(from)-1] == '/' {
		argv[len(argv)-2] += "/"
	}
	return j.retry(ctx, func() error {
		_, err := j.runner.Run(ctx, execx.Command{Argv: argv})
		return j.explainRsync(err)
	})
}

// reset makes a copy what its manifest says, as far as this user may, and holds it
// against that.
func reset(ctx context.Context, into, path, digest string) (providers.Restored, error) {
	manifest, err := os.Open(path)
	if err != nil {
		return providers.Restored{}, err
	}
	defer manifest.Close()
	failed := tree.Reset(ctx, into, manifest)
	if ctx.Err() != nil {
		return providers.Restored{}, failed
	}
	if _, err := manifest.Seek(0, io.SeekStart); err != nil {
		return providers.Restored{}, err
	}
	findings, err := tree.Verify(ctx, into, digest, manifest, tree.CheckOptions{Data: true})
	if failed != nil && !errors.Is(failed, tree.ErrManifest) { // that is a finding
		findings = append(findings, failed.Error())
	}
	return providers.Restored{Findings: findings}, err
}
