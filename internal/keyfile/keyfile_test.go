package keyfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReadLine(t *testing.T) {
	const secret = "hunter2"
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
		err     string
	}{
		"a line":        {secret + "\n", 0o600, secret, ""},
		"no end":        {secret, 0o400, secret, ""},
		"of Windows":    {secret + "\r\n", 0o600, secret, ""},
		"spaces":        {" " + secret + " \n", 0o600, " " + secret + " ", ""},
		"for a group":   {secret, 0o640, "", "is open to others than its owner (mode 0640): chmod 600 it"},
		"for all":       {secret, 0o604, "", "is open to others"},
		"empty":         {"", 0o600, "", "is empty"},
		"an empty line": {" \n", 0o600, "", "does not hold one line"},
		"two lines":     {secret + "\nmore\n", 0o600, "", "does not hold one line"},
		"NUL":           {secret + "\x00", 0o600, "", "does not hold one line"},
		"too long":      {strings.Repeat(secret, maxLine), 0o600, "", "does not hold one line"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		line, err := ReadLine(path)
		if line != c.want || (err == nil) != (c.err == "") {
			t.Errorf("%s: %q, %v", name, line, err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A FIFO that nobody writes to would hold a run for ever.
func TestOpenTakesRegularFilesOnly(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, t.TempDir(), "/dev/null", filepath.Join(t.TempDir(), "none")} {
		if file, err := Open(path); err == nil {
			file.Close()
			t.Errorf("%s is opened", path)
		}
	}
}
