package pfsense

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// remoteArchive makes a tar of the whole file system but for what lives only
// while the machine runs. FreeBSD's tar takes a pattern for one of any depth
// unless it starts with ^: ./tmp alone would leave out /var/tmp too.
var remoteArchive = []string{
	"tar", "-czf", "-", "-C", "/",
	"--exclude=^./dev", "--exclude=^./proc", "--exclude=^./tmp", "--exclude=^./var/run",
	".",
}

const leftOut = "left out: /dev, /proc, /tmp and /var/run, which live only while the machine runs"

// produceArchive streams the tar to disk and reads it through on the way.
//
// An exit other than 0 is a failure, even if the archive is whole: FreeBSD's tar
// ends with 0 when files change or vanish under it, and with 1 when it could not
// read something that is there. What it says with an exit of 0 becomes notes.
func (p *Producer) produceArchive(ctx context.Context, source plan.PFSenseSource, job providers.Job, timeout time.Duration) (providers.Produced, error) {
	file, err := create(filepath.Join(job.Into, ArchiveName))
	if err != nil {
		return providers.Produced{}, err
	}
	defer file.Close()
	said, err := p.streamArchive(ctx, source, timeout, file)
	if err != nil {
		return providers.Produced{}, fmt.Errorf("fetch %s: %w", ArchiveName, err)
	}
	if err := file.Close(); err != nil {
		return providers.Produced{}, fmt.Errorf("write %s: %w", ArchiveName, err)
	}
	return providers.Produced{Tools: p.sshTool(ctx), Limits: []string{leftOut}, Notes: tarNotes(said)}, nil
}

// streamArchive gives the end of what was said on stderr.
func (p *Producer) streamArchive(ctx context.Context, source plan.PFSenseSource, timeout time.Duration, file io.Writer) (string, error) {
	tested, feed := io.Pipe()
	result := make(chan error, 1)
	go func() {
		_, err := readArchive(tested)
		tested.CloseWithError(err) // so that no more is sent
		result <- err
	}()
	said, err := p.fetch(ctx, source, remoteArchive, timeout, io.MultiWriter(file, feed))
	feed.CloseWithError(err)
	broken := <-result
	switch {
	case err == nil:
		return said, broken
	case broken != nil && errors.Is(err, broken): // it was seen while it came
		return said, broken
	}
	return said, err
}

// maxNotes bounds what is kept of tar's words.
const maxNotes = 20

// tarNotes are the lines in which tar says what it could not take along.
func tarNotes(said string) []string {
	var notes []string
	for line := range strings.Lines(said) {
		text, isTar := strings.CutPrefix(strings.TrimSpace(line), "tar: ")
		if isTar && len(notes) < maxNotes {
			notes = append(notes, "tar: "+execx.Escape(text[:min(len(text), maxExcerpt)]))
		}
	}
	return notes
}
