package pfsense

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// remoteConfig prints the configuration in use.
var remoteConfig = []string{"cat", "/cf/conf/config.xml"}

// produceConfig fetches config.xml, checks it, and stores it.
func (p *Producer) produceConfig(ctx context.Context, source plan.PFSenseSource, job providers.Job, timeout time.Duration) (providers.Produced, error) {
	var (
		file     []byte
		err      error
		produced providers.Produced
	)
	if source.APIURL != "" {
		file, err = p.askAPI(ctx, source, timeout)
		produced.Tools = apiTool(source.APIURL)
	} else {
		file, err = p.catConfig(ctx, source, timeout)
	}
	if err != nil {
		return providers.Produced{}, fmt.Errorf("fetch %s: %w", ConfigName, err)
	}
	version, err := checkConfig(file)
	if err != nil {
		return providers.Produced{}, fmt.Errorf("check %s as it was fetched: %w", ConfigName, err)
	}
	if version != "" {
		produced.Limits = []string{"configuration of version " + version}
	}
	if err := storeConfig(file, job); err != nil {
		return providers.Produced{}, err
	}
	if source.APIURL == "" {
		produced.Tools = p.sshTool(ctx)
	}
	return produced, nil
}

// catConfig gets config.xml by ssh, not checked yet.
func (p *Producer) catConfig(ctx context.Context, source plan.PFSenseSource, timeout time.Duration) ([]byte, error) {
	var taken bounded
	if _, err := p.fetch(ctx, source, remoteConfig, timeout, &taken); err != nil {
		return nil, err
	}
	if taken.Len() == 0 {
		return nil, errors.New(nothingCame)
	}
	return taken.Bytes(), nil
}

// nothingCame is the one way in which a menu as login shell shows.
const nothingCame = "ssh succeeded and nothing came: the login shell there may drop a command's arguments, as that of admin does in some releases; use root"

// bounded takes as much as a config.xml may have.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxConfig {
		return 0, fmt.Errorf("it has more than %d MiB", maxConfig>>20)
	}
	return b.Buffer.Write(p)
}

// maxDepth is how deep elements may lie in each other; real ones have about 10.
const maxDepth = 200

// checkConfig reads XML through to its end and gives the version of the
// configuration, empty where there is none. Its errors hold nothing of the
// content but the name of the root. Only entities of XML itself are known, and
// nothing outside of the file is read.
func checkConfig(file []byte) (string, error) {
	decoder := xml.NewDecoder(bytes.NewReader(file))
	var look configLook
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, _ := decoder.InputPos()
			return "", fmt.Errorf("not well-formed XML at line %d of %d bytes: %s", line, len(file), syntax(err))
		}
		if err := look.at(token); err != nil {
			return "", err
		}
	}
	switch {
	case !look.root:
		return "", errors.New("there is no XML in it")
	case look.children == 0:
		return "", errors.New("its root element is empty")
	}
	return look.version, nil
}

// syntax is what is wrong with XML, where that can be told without its content.
func syntax(err error) string {
	if wrong := (*xml.SyntaxError)(nil); errors.As(err, &wrong) && wrong.Msg == "unexpected EOF" {
		return "it ends in the middle"
	}
	return "the syntax is wrong"
}

// configLook is what was seen of a config.xml so far.
type configLook struct {
	root     bool
	depth    int
	children int // elements directly in the root
	inside   bool
	version  string
}

var configVersion = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,6}){0,3}$`)

func (l *configLook) at(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return l.start(t.Name)
	case xml.EndElement:
		l.depth--
		l.inside = false
	case xml.CharData:
		if l.depth == 0 && len(bytes.TrimSpace(t)) > 0 {
			return errors.New("there is text outside of its root element")
		}
		if text := string(bytes.TrimSpace(t[:min(len(t), 64)])); l.inside && configVersion.MatchString(text) {
			l.version = text
		}
	}
	return nil
}

func (l *configLook) start(name xml.Name) error {
	switch {
	case l.depth == 0 && l.root:
		return errors.New("it has more than one root element")
	case l.depth == 0 && (name.Local != "pfsense" || name.Space != ""):
		return fmt.Errorf("its root element is %q and not pfsense", execx.Escape(name.Local[:min(len(name.Local), 40)]))
	case l.depth == maxDepth:
		return fmt.Errorf("its elements lie more than %d deep", maxDepth)
	case l.depth == 1:
		l.children++
	}
	l.root = true
	l.inside = l.depth == 1 && name.Local == "version" && name.Space == ""
	l.depth++
	return nil
}

// storeConfig writes the file, or links it to the previous version's.
func storeConfig(file []byte, job providers.Job) error {
	path := filepath.Join(job.Into, ConfigName)
	if job.Previous != "" && linkSame(filepath.Join(job.Previous, ConfigName), path, file) {
		return nil
	}
	out, err := create(path)
	if err != nil {
		return err
	}
	_, err = out.Write(file)
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", ConfigName, err)
	}
	return nil
}

// create makes a new file that only its owner can read.
func create(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", filepath.Base(path), err)
	}
	if err := file.Chmod(fileMode); err != nil { // whatever the umask
		file.Close()
		return nil, fmt.Errorf("create %s: %w", filepath.Base(path), err)
	}
	return file, nil
}

// linkSame links an old file to a new name if it holds just these bytes and is
// as private. False is no failure: the file is written then.
func linkSame(old, path string, content []byte) bool {
	file, err := os.OpenFile(old, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Mode() != fileMode || info.Size() != int64(len(content)) {
		return false
	}
	held, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil || !bytes.Equal(held, content) || os.Link(old, path) != nil {
		return false
	}
	if linked, err := os.Lstat(path); err != nil || !os.SameFile(linked, info) {
		_ = os.Remove(path) // else creating it fails
		return false
	}
	return true
}
