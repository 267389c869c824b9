package policy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

// sourceDecoders has one decoder for each kind of source.
var sourceDecoders = map[string]func(*body, *plan.Source){
	plan.SourceLVMThin:     (*body).lvmThin,
	plan.SourceDirectory:   (*body).directory,
	plan.SourcePaths:       (*body).paths,
	plan.SourcePFSense:     (*body).pfsense,
	plan.SourcePostgreSQL:  (*body).database,
	plan.SourceMySQL:       (*body).database,
	plan.SourceEtcd:        (*body).database,
	plan.SourceVault:       (*body).database,
	plan.SourceRedis:       (*body).database,
	plan.SourceVaultwarden: (*body).vaultwarden,
}

// source decodes a source block.
func (e *evaluator) source(d declaration) plan.Source {
	s := plan.Source{Kind: d.kind, Name: d.name}
	decode := sourceDecoders[d.kind]
	if decode == nil {
		e.unknownKind(d, sortedKeys(sourceDecoders))
		return s
	}
	b := e.body(d.kind+" source", d.block)
	s.Media = b.text("media")
	decode(b, &s)
	b.done()
	return s
}

// unknownKind reports the first label of a block.
func (e *evaluator) unknownKind(d declaration, kinds []string) {
	e.errorAt(d.block.LabelRanges[0], problem{
		code:    "unknown_kind",
		summary: fmt.Sprintf("unknown kind of %s %q", d.typ, d.kind),
		detail:  fmt.Sprintf("The kinds of %s are %s.", d.typ, andAll(kinds)),
		hint:    didYouMean(d.kind, kinds),
	})
}

var lvmName = regexp.MustCompile(`^[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$`)

const lvmNameDetail = "LVM names have letters, digits, + _ . and -, do not start with -, and are at most 127 long. A volume group and its pool are two attributes."

// proxmoxDriver is the CSI driver whose volume handles bkplan reads.
const proxmoxDriver = "csi.proxmox.sinextra.dev"

func (b *body) lvmThin(s *plan.Source) {
	b.require("volume_group", "thin_pool", "match")
	s.LVMThin = &plan.LVMThinSource{
		VolumeGroup: b.form("volume_group", "name", lvmName, lvmNameDetail),
		ThinPool:    b.form("thin_pool", "name", lvmName, lvmNameDetail),
		Match:       b.glob("match"),
	}
	b.within("kubernetes", "kubernetes block", func(k *body) {
		cluster := &plan.KubernetesSource{
			Kubeconfig: k.absolute("kubeconfig"),
			Context:    k.text("context"),
			Driver:     k.choice("driver", "driver", proxmoxDriver),
		}
		if !k.has("driver") {
			cluster.Driver = proxmoxDriver
		}
		s.LVMThin.Kubernetes = cluster
	})
	b.within("luks", "luks block", func(l *body) {
		l.require("key_file")
		s.LVMThin.LUKSKeyFile = l.absolute("key_file")
	})
}

func (b *body) directory(s *plan.Source) {
	b.require("path")
	s.Directory = &plan.DirectorySource{
		Path: b.absolute("path"),
		Each: parsed(b, "each", "pattern", func(text string) (string, *flaw) {
			if i := strings.IndexByte(text, '/'); i >= 0 {
				return "", &flaw{
					detail: "The pattern is matched against the names of the directory's children, which have no / in them.",
					offset: i, length: 1,
				}
			}
			return globPattern(text)
		}),
		RequireMount: b.flag("require_mount"),
	}
}

func (b *body) paths(s *plan.Source) {
	b.require("paths")
	s.Paths = parsedList(b, "paths", "path", absolutePath)
	b.refuseEmpty("paths", "")
}

var (
	sshAddress = regexp.MustCompile(`^([A-Za-z0-9._][A-Za-z0-9._-]*@)?([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
	httpURL    = regexp.MustCompile(`^https?://[^\s/?#]+([/?#][^\s]*)?$`)
	namespaced = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
)

const (
	addressDetail = "An address is user@host, or host, with :port where it is not 22."
	urlDetail     = "A URL starts with http:// or https:// and a host."
)

func (b *body) address() string { return b.form("address", "address", sshAddress, addressDetail) }

func (b *body) pfsense(s *plan.Source) {
	s.PFSense = &plan.PFSenseSource{
		Address:      b.address(),
		IdentityFile: b.absolute("identity_file"),
	}
	hasAPI := false
	b.within("api", "api block", func(a *body) {
		hasAPI = true
		a.require("url", "key_file")
		s.PFSense.APIURL = a.form("url", "URL", httpURL, urlDetail)
		s.PFSense.APIKeyFile = a.absolute("key_file")
	})
	if !hasAPI && !b.has("address") {
		b.errorAt(b.header, problem{
			code: "missing_attribute", summary: "neither address nor api",
			detail: "A pfSense is asked by ssh (address) for its files, by its API (api) for config.xml, or by both.",
		})
	}
}

func (b *body) database(s *plan.Source) {
	b.require("cronjob")
	s.Database = &plan.DatabaseSource{
		CronJob: b.form("cronjob", "CronJob", namespaced, "A CronJob is written as namespace/name."),
	}
}

func (b *body) vaultwarden(s *plan.Source) {
	b.require("volume")
	s.Vaultwarden = &plan.FilesOfVolume{
		Volume:  b.form("volume", "volume", namespaced, "A volume of a cluster is written as namespace/claim."),
		Include: b.globs("include"),
	}
}
