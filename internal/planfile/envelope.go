package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/google/renameio/v2"
)

// MaxSize is how many bytes a file may have. An observation of 20,000 volumes
// with eight snapshots each has about a third of it.
const MaxSize = 256 << 20

const digestPrefix = "sha256:"

// seal writes the envelope and the members that follow it, and returns the
// digest. content is an object; its first byte, the brace, is replaced by the
// envelope.
func (k kind) seal(w io.Writer, content any) (digest string, err error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(content); err != nil {
		return "", fmt.Errorf("encode %s: %w", k.member, err)
	}
	covered := body.Bytes()[1:]
	digest = sum(covered)
	if _, err := fmt.Fprintf(w, `{"format":%q,"version":%d,"digest":%q,`, k.format, k.version, digest); err != nil {
		return "", err
	}
	_, err = w.Write(covered)
	return digest, err
}

func sum(covered []byte) string {
	digest := sha256.Sum256(covered)
	return digestPrefix + hex.EncodeToString(digest[:])
}

var envelope = regexp.MustCompile(`^\{"format":"([^"\\]{1,100})","version":([0-9]{1,9}),(?:"digest":"(sha256:[0-9a-f]{64})",)?`)

// open checks the envelope and the digest and returns what the digest covers:
// the members after the envelope, with the object's closing brace.
func (k kind) open(data []byte) (digest string, covered []byte, err error) {
	if len(data) > MaxSize {
		return "", nil, k.tooLarge()
	}
	found := envelope.FindSubmatch(data)
	if found == nil {
		return "", nil, k.diagnose(data)
	}
	version, _ := strconv.Atoi(string(found[2]))
	if err := k.accepts(string(found[1]), version); err != nil {
		return "", nil, err
	}
	digest, covered = string(found[3]), data[len(found[0]):]
	switch {
	case digest != "" && digest == sum(covered):
		return digest, covered, nil
	case cutShort(data):
		return "", nil, k.truncated()
	case digest == "":
		return "", nil, k.changed("its digest is missing")
	}
	return "", nil, k.changed("its digest does not fit its content")
}

func (k kind) tooLarge() *Error {
	return &Error{TooLarge, fmt.Sprintf("the file is larger than %d MiB", MaxSize>>20), k.noun + " comes from `" + k.makes + "`"}
}

func (k kind) accepts(format string, version int) error {
	switch {
	case format != k.format:
		return k.otherKind(format)
	case version > k.version:
		return k.newer(version)
	case version < 1:
		return k.invalid(fmt.Sprintf("there is no format %d", version))
	}
	return nil
}

// diagnose says why data does not begin as a file of bkplan does.
func (k kind) diagnose(data []byte) error {
	opening := []byte(`{"format":"bkplan.`)
	if len(bytes.TrimSpace(data)) == 0 {
		return k.notOurs("it is empty")
	}
	if bytes.HasPrefix(opening, data) || bytes.HasPrefix(data, opening) && cutShort(data) {
		return k.truncated()
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &head)
	switch {
	case err != nil && head.Format == "":
		return k.notOurs("it is not JSON of bkplan")
	case head.Format == "":
		return k.notOurs("it is JSON without bkplan's format member")
	}
	if err := k.accepts(head.Format, head.Version); err != nil {
		return err
	}
	return k.changed("it is not laid out as bkplan writes it")
}

// cutShort says whether data is the beginning of a JSON value.
func cutShort(data []byte) bool {
	var value json.RawMessage
	err := json.NewDecoder(bytes.NewReader(data)).Decode(&value)
	return errors.Is(err, io.ErrUnexpectedEOF)
}

// unmarshal decodes strictly: unknown members are refused.
func unmarshal(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// readFile reads no more than a file may have, so that an endless one, such as
// a device, ends in an error.
func (k kind) readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return k.readAll(file)
}

func (k kind) readAll(r io.Reader) ([]byte, error) {
	var data bytes.Buffer
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Size() <= MaxSize {
			data.Grow(int(info.Size()) + bytes.MinRead)
		}
	}
	if _, err := data.ReadFrom(io.LimitReader(r, MaxSize+1)); err != nil {
		return nil, err
	}
	if data.Len() > MaxSize {
		return nil, k.tooLarge()
	}
	return data.Bytes(), nil
}

// replace writes path by way of a temporary sibling that is synced and then
// renamed, so that path is never half a file.
// Only a regular file is replaced: never a device, nor a link to a file.
func replace(path string, perm os.FileMode, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a regular file", path)
	}
	pending, err := renameio.NewPendingFile(path, renameio.WithStaticPermissions(perm))
	if err != nil {
		return err
	}
	defer pending.Cleanup()
	if err := write(pending); err != nil {
		return err
	}
	return pending.CloseAtomicallyReplace()
}
