package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// maxFile is the largest policy file, in bytes. A policy of a thousand layers
// has a tenth of it; what is larger is something else.
const maxFile = 4 << 20

// file is a source file, under the name that diagnostics show.
type file struct {
	name string
	data []byte
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// readPolicy reads one file, or all *.hcl of a folder in the order of their
// names. Hidden files, and the *.vars.hcl that hold values of variables, are
// left out.
func (r *report) readPolicy(path string) []file {
	info, err := os.Stat(path)
	if err != nil {
		r.unreadable(path, err)
		return nil
	}
	if !info.IsDir() {
		return r.readAll([]string{path})
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		r.unreadable(path, err)
		return nil
	}
	var paths []string
	for _, entry := range entries {
		if isPolicyName(entry.Name()) && !isFolder(filepath.Join(path, entry.Name())) {
			paths = append(paths, filepath.Join(path, entry.Name()))
		}
	}
	if len(paths) == 0 {
		r.errorAt(hcl.Range{Filename: path}, problem{
			code:    "no_policy",
			summary: "the folder has no policy",
			detail:  fmt.Sprintf("There is no file named *.hcl in %s. Folders inside it are not searched.", path),
			hint:    "examples/homelab.hcl shows a whole policy",
		})
	}
	return r.readAll(paths)
}

func isPolicyName(name string) bool {
	return strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".vars.hcl")
}

// isFolder follows symbolic links; what cannot be looked at is left to reading,
// which says why.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// readAll reads files, each real file once, whatever links lead to it.
func (r *report) readAll(paths []string) []file {
	var files []file
	var seen []os.FileInfo
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			r.unreadable(path, err)
			continue
		}
		if sameAsAny(info, seen) {
			continue
		}
		seen = append(seen, info)
		if data, ok := r.read(path, info); ok {
			files = append(files, file{path, data})
		}
	}
	return files
}

func sameAsAny(info os.FileInfo, seen []os.FileInfo) bool {
	for _, s := range seen {
		if os.SameFile(info, s) {
			return true
		}
	}
	return false
}

func (r *report) read(path string, info os.FileInfo) ([]byte, bool) {
	if !info.Mode().IsRegular() {
		r.errorAt(hcl.Range{Filename: path}, problem{
			code: "unreadable_file", summary: "not a regular file",
			detail: fmt.Sprintf("A policy is read from files and folders; %s is neither.", path),
		})
		return nil, false
	}
	f, err := os.Open(path)
	if err != nil {
		r.unreadable(path, err)
		return nil, false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		r.unreadable(path, err)
		return nil, false
	}
	return data, true
}

func (r *report) unreadable(path string, err error) {
	reason := err
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		reason = pathError.Err
	}
	p := problem{code: "unreadable_file", summary: "the policy cannot be read", detail: upperFirst(reason.Error()) + "."}
	if errors.Is(err, fs.ErrNotExist) {
		p.hint = "name the file or folder with -f"
	}
	r.errorAt(hcl.Range{Filename: path}, p)
}

// accept keeps a file's source for quoting, and refuses what is not text. It
// returns the text without a byte order mark.
func (r *report) accept(f file) ([]byte, bool) {
	if len(f.data) > maxFile {
		r.errorAt(hcl.Range{Filename: f.name}, problem{
			code: "file_too_large", summary: "the file is too large",
			detail: fmt.Sprintf("A policy file is at most %d MiB. Is this the right file?", maxFile>>20),
		})
		return nil, false
	}
	text := bytes.TrimPrefix(f.data, byteOrderMark)
	r.sources[f.name] = text
	if offset := firstNonText(text); offset >= 0 {
		r.errorAt(pointRange(f.name, text, offset), problem{
			code: "not_text", summary: "the file is not UTF-8 text",
			detail: fmt.Sprintf("Byte %d is 0x%02x, which does not occur in UTF-8 text. Is this the right file?", offset+len(f.data)-len(text), text[offset]),
		})
		return nil, false
	}
	return text, true
}

// firstNonText returns the offset of the first NUL or malformed UTF-8, or -1.
func firstNonText(text []byte) int {
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		if c == 0 || c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
