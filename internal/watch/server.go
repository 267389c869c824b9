package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/bkplan/bkplan/internal/journal"
)

// socketName is that of a unix socket in the folder of a journal. Who connects
// gets an answer, and that is all.
const socketName = "flush.sock"

// answer is one line of JSON.
type answer struct {
	Point *journal.Point `json:"point,omitempty"`
	Error string         `json:"error,omitempty"`
}

// maxWaiting bounds how many wait for an answer; the next ones wait to be
// accepted.
const maxWaiting = 16

// server lets others ask a keeper. Requests are answered by answerAll, in the
// keeper's own time.
type server struct {
	folder   *os.File
	listener *net.UnixListener
	requests chan chan<- answer
	done     chan struct{}
	group    sync.WaitGroup
}

// serve listens in a folder that belongs to the caller alone. Bell is rung for
// each request.
func serve(folder string, bell func()) (*server, error) {
	dir, err := os.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := os.Remove(filepath.Join(folder, socketName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		dir.Close()
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	listener, err := net.ListenUnix("unix", address(dir))
	if err == nil {
		err = os.Chmod(filepath.Join(folder, socketName), 0o600)
	}
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("listen for requests: %w", err)
	}
	s := &server{folder: dir, listener: listener, requests: make(chan chan<- answer, maxWaiting), done: make(chan struct{})}
	s.group.Go(func() { s.accept(bell) })
	return s, nil
}

// address is short enough for a socket, however long the folder's path is.
func address(folder *os.File) *net.UnixAddr {
	return &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), socketName)}
}

func (s *server) accept(bell func()) {
	places := make(chan struct{}, maxWaiting)
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		places <- struct{}{}
		s.group.Go(func() {
			defer func() { <-places }()
			defer func() { _ = connection.Close() }()
			s.serve(connection, bell)
		})
	}
}

func (s *server) serve(connection net.Conn, bell func()) {
	reply := make(chan answer, 1)
	s.requests <- reply // there is room: see maxWaiting
	bell()
	select {
	case a := <-reply:
		_ = json.NewEncoder(connection).Encode(a) // who went away needs no answer
	case <-s.done:
	}
}

// answerAll answers those who wait. They all get the same answer, which is made
// after the last of them asked.
func (s *server) answerAll(make func() (journal.Point, error)) {
	var waiting []chan<- answer
	for more := true; more; {
		select {
		case reply := <-s.requests:
			waiting = append(waiting, reply)
		default:
			more = false
		}
	}
	if len(waiting) == 0 {
		return
	}
	point, err := make()
	a := answer{Point: &point}
	if err != nil {
		a = answer{Error: err.Error()}
	}
	for _, reply := range waiting {
		reply <- a
	}
}

func (s *server) close() {
	close(s.done)
	_ = s.listener.Close()
	s.group.Wait()
	_ = s.folder.Close()
}
