package notify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
)

// email hands a message to the machine's own mail system, by the program that all of
// them have.
type email struct {
	runner execx.Runner
	plan.Notification
}

func (m email) tell(ctx context.Context, n Notice) error {
	message, err := m.message(n)
	if err != nil {
		return err
	}
	argv := []string{m.Sendmail, "-i"}
	if m.From != "" {
		argv = append(argv, "-f", m.From)
	}
	_, err = m.runner.Run(ctx, execx.Command{
		Argv: append(argv, m.To), Stdin: message, Stdout: io.Discard, Contained: true,
	})
	return err
}

func (m email) message(n Notice) ([]byte, error) {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\n", name, value) }
	if m.From != "" {
		header("From", m.From)
	}
	header("To", m.To)
	header("Subject", mime.QEncoding.Encode("utf-8", n.Title))
	header("Date", n.At.Format(time.RFC1123Z))
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\n")
	body := quotedprintable.NewWriter(&b)
	_, err := io.WriteString(body, n.Text)
	if err == nil {
		err = body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("write message: %w", err)
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n")), nil
}
