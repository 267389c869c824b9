package pfsense

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bkplan/bkplan/internal/keyfile"
)

// maxKeyFile is more than any key needs, in bytes.
const maxKeyFile = 64 << 10

// apiKey is what the REST API wants to see.
type apiKey struct{ words []string }

// readAPIKey reads a file of one word or two. It gives no error that holds a
// part of the key.
func readAPIKey(path string) (apiKey, error) {
	file, err := keyfile.Open(path)
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
