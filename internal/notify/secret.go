package notify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret bounds a file with a secret, in bytes.
const maxSecret = 4 << 10

var errNoSecret = errors.New("it holds no line, or more than one")

// secret reads the one line of a file. Errors name the file and nothing in it.
func secret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecret))
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	line := strings.TrimSpace(string(text))
	if line == "" || strings.ContainsAny(line, "\r\n\x00") {
		return "", fmt.Errorf("read secret %s: %w", path, errNoSecret)
	}
	return line, nil
}
