package tree

import "sync"

// HashCache remembers the hashes of files that have several names, until all of
// them were met: calls that share one read each file once. Files must not change
// between those calls. The zero value is empty.
type HashCache struct {
	mutex   sync.Mutex
	slots   map[inode][8]uint32 // of 8 inodes each: where in kept, plus 1
	kept    [][]keptHash        // in pieces, as there may be millions
	free    []uint32
	reading map[inode]*reading
}

// inode names a file on this machine.
type inode struct{ device, number uint64 }

// page names 8 inodes; those of one tree mostly lie close to each other.
func (i inode) page() inode { return inode{i.device, i.number >> 3} }

const keptPiece = 1024

type keptHash struct {
	hash Hash
	left uint32 // names that were not met yet
}

// reading is a file that somebody reads now; who else wants its hash waits.
type reading struct {
	done chan struct{}
	met  uint64 // names
	hash Hash
	err  error
}

// get tells the hash of a file with so many names.
func (c *HashCache) get(key inode, names uint64, hash func() (Hash, error)) (Hash, error) {
	if names < 2 {
		return hash()
	}
	c.mutex.Lock()
	if slot := c.slots[key.page()][key.number&7]; slot > 0 {
		defer c.mutex.Unlock()
		return c.take(key, slot-1), nil
	}
	if r, ok := c.reading[key]; ok {
		r.met++
		c.mutex.Unlock()
		<-r.done
		return r.hash, r.err
	}
	if c.reading == nil {
		c.slots, c.reading = map[inode][8]uint32{}, map[inode]*reading{}
	}
	r := &reading{done: make(chan struct{}), met: 1}
	c.reading[key] = r
	c.mutex.Unlock()
	r.hash, r.err = hash()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.reading, key)
	if r.err == nil && names > r.met {
		c.keep(key, keptHash{r.hash, uint32(names - r.met)})
	}
	close(r.done)
	return r.hash, r.err
}

// take tells a hash that is kept, and forgets it with the last name.
func (c *HashCache) take(key inode, slot uint32) Hash {
	k := &c.kept[slot/keptPiece][slot%keptPiece]
	if k.left--; k.left == 0 {
		c.point(key, 0)
		c.free = append(c.free, slot)
	}
	return k.hash
}

func (c *HashCache) keep(key inode, k keptHash) {
	if len(c.free) == 0 {
		first := uint32(len(c.kept)) * keptPiece
		c.kept = append(c.kept, make([]keptHash, keptPiece))
		for i := range uint32(keptPiece) {
			c.free = append(c.free, first+keptPiece-1-i)
		}
	}
	slot := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	c.kept[slot/keptPiece][slot%keptPiece] = k
	c.point(key, slot+1)
}

func (c *HashCache) point(key inode, to uint32) {
	page := c.slots[key.page()]
	page[key.number&7] = to
	if page == [8]uint32{} {
		delete(c.slots, key.page())
	} else {
		c.slots[key.page()] = page
	}
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
