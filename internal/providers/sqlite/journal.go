package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// journalMagic begins the headers of a rollback journal, and ends the name of a
// super-journal at its end.
const journalMagic = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"

// maxSuperName is the longest name of a super-journal, in bytes.
const maxSuperName = 4096

// errSuper says that a journal belongs to a transaction over several databases
// of which it cannot be told whether it was committed.
var errSuper = errors.New("its journal belongs to a transaction over several databases, and the super-journal that tells whether " +
	"that was committed is not beside it: open it with its application, so that it recovers")

// isHot says whether a journal may have something to undo: SQLite clears the
// first byte of one that it keeps.
func isHot(journal *os.File) (bool, error) {
	var first [1]byte
	n, err := unix.Pread(int(journal.Fd()), first[:], 0)
	return n == 1 && first[0] != 0, err
}

// checkSuper lets those journals pass that must be undone whatever else there
// is. One that names a super-journal is to be undone as long as that is there;
// SQLite would look for it under the name it had for the application, which may
// be anything here. So it must be beside the database. If it is not, it was
// deleted, which commits the transaction, or lies elsewhere.
func checkSuper(folder, journal *os.File, size int64) error {
	name, err := superName(journal, size)
	if err != nil || name == "" {
		return err
	}
	file, st, err := openRegular(folder, path.Base(name))
	if err != nil {
		return fmt.Errorf("%w (%s)", errSuper, printable(name))
	}
	defer file.Close()
	if st.Size == 0 {
		return fmt.Errorf("%w (%s)", errSuper, printable(name))
	}
	return nil
}

// superName reads the name at the end of a journal: the name, its length, the
// sum of its bytes, the magic. It is empty where there is none.
func superName(journal *os.File, size int64) (string, error) {
	const tail = 16
	if size < tail {
		return "", nil
	}
	var end [tail]byte
	if _, err := journal.ReadAt(end[:], size-tail); err != nil {
		return "", fmt.Errorf("read journal: %w", err)
	}
	length := int64(binary.BigEndian.Uint32(end[:]))
	if string(end[8:]) != journalMagic || length == 0 || length > maxSuperName || length > size-tail {
		return "", nil
	}
	name := make([]byte, length)
	if _, err := journal.ReadAt(name, size-tail-length); err != nil {
		return "", fmt.Errorf("read journal: %w", err)
	}
	sum := binary.BigEndian.Uint32(end[4:])
	for _, c := range name {
		sum -= uint32(int8(c)) // SQLite sums them with their signs
	}
	if sum != 0 {
		return "", nil
	}
	return string(name), nil
}

// blindSuper makes a copied journal one that names no super-journal, whatever it
// holds: SQLite would look for a file outside of our folder, and delete it.
// What is added is too short for a record, and no header.
func blindSuper(journal string) error {
	file, err := os.OpenFile(journal, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(make([]byte, 16)); err != nil {
		return err
	}
	return file.Close()
}
