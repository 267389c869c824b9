package pfsense

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/bkplan/bkplan/internal/providers"
)

var _ providers.Inspector = (*Producer)(nil)

// Inspect reads what a version holds through to its end: config.xml as XML, the
// archive as gzip and tar.
func (p *Producer) Inspect(ctx context.Context, folder string) ([]string, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open version: %w", err)
	}
	defer root.Close()
	var findings []string
	found := 0
	for name, look := range map[string]func(io.Reader) error{ConfigName: lookAtConfig, ArchiveName: lookAtArchive} {
		file, err := root.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found++
		if err == nil {
			err = look(ended{ctx, file})
			file.Close()
		}
		if stop := context.Cause(ctx); stop != nil {
			return nil, stop
		}
		if err != nil {
			findings = append(findings, fmt.Sprintf("%s: %v", name, err))
		}
	}
	if found == 0 {
		findings = append(findings, fmt.Sprintf("neither %s nor %s is there", ConfigName, ArchiveName))
	}
	return findings, nil
}

func lookAtConfig(r io.Reader) error {
	file, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err == nil {
		_, err = checkConfig(file)
	}
	return err
}

func lookAtArchive(r io.Reader) error {
	_, err := readArchive(r)
	return err
}

// ended reads until the context has ended.
type ended struct {
	ctx context.Context
	io.Reader
}

func (e ended) Read(b []byte) (int, error) {
	if e.ctx.Err() != nil {
		return 0, context.Cause(e.ctx)
	}
	return e.Reader.Read(b)
}
