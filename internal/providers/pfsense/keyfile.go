package pfsense

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// maxKeyFile is more than any key needs, in bytes.
const maxKeyFile = 64 << 10

// openKeyFile opens a file that holds a key, after proof that nobody else can
// read it. Links are followed: secrets are often mounted that way.
func openKeyFile(path string) (*os.File, error) {
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

// checkIdentity looks at a key of ssh before ssh does. Of a path ssh expands %
// and ${}, so that it would look for another file.
func checkIdentity(path string) error {
	if strings.ContainsAny(path, "%$") {
		return fmt.Errorf("key file %q: ssh takes %% and $ in the name of a key for something else; rename it", path)
	}
	file, err := openKeyFile(path)
	if err != nil {
		return err
	}
	return file.Close()
}

// apiKey is what the REST API wants to see.
type apiKey struct{ words []string }

// readAPIKey reads a file of one word or two. It gives no error that holds a
// part of the key.
func readAPIKey(path string) (apiKey, error) {
	file, err := openKeyFile(path)
	if err != nil {
		return apiKey{}, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return apiKey{}, fmt.Errorf("read key file: %w", err)
	}
	words := strings.Fields(string(content))
	switch {
	case len(content) > maxKeyFile:
		err = errors.New("is too long for one")
	case len(words) == 0:
		err = errors.New("is empty")
	case len(words) > 2:
		err = errors.New("has more than two words: it holds an API key, or a client ID and a token")
	case strings.ContainsFunc(words[0]+words[len(words)-1], func(r rune) bool { return r <= ' ' || r > '~' }):
		err = errors.New("holds characters that no API key has")
	}
	if err != nil {
		return apiKey{}, fmt.Errorf("key file %q %w", path, err)
	}
	return apiKey{words}, nil
}

// header is the name and value of the header that carries the key.
func (k apiKey) header() (string, string) {
	if len(k.words) == 1 {
		return "X-API-Key", k.words[0]
	}
	return "Authorization", k.words[0] + " " + k.words[1]
}

// removeFrom takes the key out of somebody else's words, also as JSON writes it.
func (k apiKey) removeFrom(text string) string {
	for _, word := range k.words {
		for _, form := range []string{word, strings.ReplaceAll(word, "/", `\/`)} {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	return text
}
