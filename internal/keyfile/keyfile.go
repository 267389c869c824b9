// Package keyfile reads files that hold secrets: keys, passwords, tokens, and URLs that
// let in whoever knows them. No error of it has any of what is in them. Start at Open.
package keyfile

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// maxLine is more than any password, token or URL needs, in bytes.
const maxLine = 4 << 10

// Open opens a file that holds a secret, after proof that nobody else can read it.
// Links are followed: secrets are often mounted that way.
func Open(path string) (*os.File, error) {
	// Without O_NONBLOCK a FIFO would wait for somebody to write.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("look at key file: %w", err)
	case !info.Mode().IsRegular():
		err = fmt.Errorf("key file %q is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		err = fmt.Errorf("key file %q is open to others than its owner (mode %04o): chmod 600 it", path, info.Mode().Perm())
	case info.Size() == 0:
		err = fmt.Errorf("key file %q is empty", path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// ReadLine reads the one line of such a file, without its end. Spaces count.
func ReadLine(path string) (string, error) {
	file, err := Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxLine+1))
	if err != nil {
		return "", fmt.Errorf("read key file: %w", err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if strings.TrimSpace(line) == "" || len(content) > maxLine || strings.ContainsAny(line, "\r\n\x00") {
		return "", fmt.Errorf("key file %q does not hold one line with a secret", path)
	}
	return line, nil
}
