// Package pfsense fetches what a pfSense firewall is made of: its config.xml,
// and a tar of its file system. Start at Producer.
//
// config.xml comes over the REST API where the source has one, else by ssh as
// /cf/conf/config.xml; the file system comes by ssh. Both are read through to
// their end and checked while they come, because a half of either looks like a
// backup until the day it is needed.
//
// # The REST API
//
// One GET is sent, over HTTPS whose certificate is verified against the
// system's authorities (SSL_CERT_FILE adds to them, as everywhere in Go). The
// key file holds one word, which is sent as `X-API-Key` (version 2 of the
// pfSense REST API), or two, which are sent as `Authorization: one two`: the
// client ID and token of version 1, or `Bearer` and a token.
//
// The answer is a JSON object whose `data` is the base64 of config.xml, or an
// object of which one member is. The endpoints that the pfSense REST API brings
// along give no such thing: `/api/v1/system/config` answers with the
// configuration as a JSON tree, from which the file cannot be made again
// (order, CDATA and spaces are lost), and
// `/api/v2/diagnostics/config_history/revision` describes a revision without its
// content. Both are refused, and the error says so. The URL must be that of an
// endpoint of one's own; without one, ssh is the way.
//
// # ssh
//
// The system's ssh is run, with its known_hosts and ~/.ssh/config, but never
// with a question: a host key that is not known, or has changed, is an error.
// What it runs there is fixed, and holds nothing from a policy.
//
// On a pfSense the shell of `admin` is a menu, which in some releases drops the
// arguments of a command, so that nothing comes back: use `root`.
package pfsense

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// What the versions hold.
const (
	ConfigName  = "config.xml"
	ArchiveName = "filesystem.tar.gz"
)

// fileMode is that of all that is fetched: it holds keys and passwords.
const fileMode = 0o600

// Producer is a providers.Producer for actions whose content is an artefact of
// a pfSense. It may be used from several goroutines.
type Producer struct {
	runner execx.Runner
	// transport carries the question to the REST API; nil is the one of this
	// machine.
	transport http.RoundTripper
	limits    limits
}

// limits are how long fetching may take where the action sets none.
type limits struct{ config, archive time.Duration }

var _ providers.Producer = (*Producer)(nil)

// New is the Producer that runs ssh by runner.
func New(runner execx.Runner) *Producer {
	return &Producer{runner: runner, limits: limits{config: 5 * time.Minute, archive: 4 * time.Hour}}
}

// Produce fetches the action's artefact into job.Into: ConfigName or
// ArchiveName, with mode 0600. A config.xml that is the same byte by byte as the
// previous version's becomes a link to it; an archive never is the same.
//
// No error holds a key. Where one could not be sent safely, nothing was sent.
func (p *Producer) Produce(ctx context.Context, job providers.Job) (providers.Produced, error) {
	c := job.Action.Copy
	if c == nil || c.From == nil || c.From.PFSense == nil {
		return providers.Produced{}, fmt.Errorf("fetch from a pfSense: %w", providers.ErrUnsupported)
	}
	switch c.From.Artifact {
	case plan.ArtifactConfig:
		return p.produceConfig(ctx, *c.From.PFSense, job, limit(c, p.limits.config))
	case plan.ArtifactFiles:
		return p.produceArchive(ctx, *c.From.PFSense, job, limit(c, p.limits.archive))
	}
	return providers.Produced{}, fmt.Errorf("fetch the artefact %q: %w", c.From.Artifact, providers.ErrUnsupported)
}

func limit(c *plan.CopyAction, usual time.Duration) time.Duration {
	if set := c.Timeout.Approx(); set > 0 {
		return set
	}
	return usual
}
