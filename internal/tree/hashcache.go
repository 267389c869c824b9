package tree

import "sync"

// HashCache remembers the hashes of files that have several names, until all of
// them were met: calls that share one read each file once. Files must not change
// between those calls. The zero value is empty.
type HashCache struct {
	mutex sync.Mutex
	known map[inode]*cached
}

// inode names a file on this machine.
type inode struct{ device, number uint64 }

type cached struct {
	once sync.Once
	hash Hash
	err  error
	left uint64 // names that were not met yet
}

// get tells the hash of a file with so many names.
func (c *HashCache) get(key inode, names uint64, hash func() (Hash, error)) (Hash, error) {
	if names < 2 {
		return hash()
	}
	c.mutex.Lock()
	entry, ok := c.known[key]
	if !ok {
		if c.known == nil {
			c.known = map[inode]*cached{}
		}
		entry = &cached{left: names}
		c.known[key] = entry
	}
	if entry.left--; entry.left == 0 {
		delete(c.known, key)
	}
	c.mutex.Unlock()
	entry.once.Do(func() { entry.hash, entry.err = hash() })
	return entry.hash, entry.err
}

// inodeSet is a set of the inodes of one file system, which mostly lie close to
// each other.
type inodeSet map[uint64][4]uint64

// add says whether the inode was new to the set.
func (s inodeSet) add(number uint64) bool {
	page := s[number>>8]
	word, bit := number>>6&3, uint64(1)<<(number&63)
	if page[word]&bit != 0 {
		return false
	}
	page[word] |= bit
	s[number>>8] = page
	return true
}

// remove says whether the inode was in the set.
func (s inodeSet) remove(number uint64) bool {
	page, ok := s[number>>8]
	word, bit := number>>6&3, uint64(1)<<(number&63)
	if !ok || page[word]&bit == 0 {
		return false
	}
	page[word] &^= bit
	s[number>>8] = page
	return true
}
