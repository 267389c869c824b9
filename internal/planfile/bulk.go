package planfile

import (
	"fmt"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// readObservation reads {"observation":{…}}. The three lists that grow with a
// homelab are read by a cursor, all else by encoding/json, so that only a
// change of their element types touches this file; a test compares the two.
func readObservation(text string) (plan.Observation, error) {
	c := &cursor{text: text}
	var o plan.Observation
	c.object(func(name string) {
		if name != "observation" {
			c.unknown("", name)
			return
		}
		o = c.observation()
	})
	if c.err == nil && c.peek() != 0 {
		c.fail(errUnexpected)
	}
	return o, c.err
}

func (c *cursor) unknown(of, name string) {
	c.fail(fmt.Errorf("%sunknown member %q", of, name))
}

func (c *cursor) observation() (o plan.Observation) {
	var pools []plan.Pool
	var clusters []plan.Cluster
	c.mixed(&o, map[string]func(){
		"pools":    func() { pools = list(c, c.pool) },
		"clusters": func() { clusters = list(c, c.cluster) },
	})
	o.Pools, o.Clusters = pools, clusters
	return o
}

func (c *cursor) pool() (p plan.Pool) {
	var volumes []plan.LogicalVolume
	c.mixed(&p, map[string]func(){
		"volumes": func() { volumes = list(c, c.logicalVolume) },
	})
	p.Volumes = volumes
	return p
}

func (c *cursor) cluster() (k plan.Cluster) {
	var volumes []plan.PersistentVolume
	var claims []plan.Claim
	c.mixed(&k, map[string]func(){
		"volumes": func() { volumes = list(c, c.persistentVolume) },
		"claims":  func() { claims = list(c, c.claim) },
	})
	k.Volumes, k.Claims = volumes, claims
	return k
}

// mixed reads an object: the members named in long by these functions, the
// rest by encoding/json into rest.
func (c *cursor) mixed(rest any, long map[string]func()) {
	var members []string
	c.object(func(name string) {
		if read := long[name]; read != nil {
			read()
			return
		}
		members = append(members, fmt.Sprintf("%q:%s", name, c.raw()))
	})
	if c.err != nil {
		return
	}
	if err := unmarshal([]byte("{"+strings.Join(members, ",")+"}"), rest); err != nil {
		c.fail(err)
	}
}

func (c *cursor) logicalVolume() (v plan.LogicalVolume) {
	c.object(func(name string) {
		switch name {
		case "name":
			v.Name = c.string()
		case "uuid":
			v.UUID = c.string()
		case "origin":
			v.Origin = c.string()
		case "origin_uuid":
			v.OriginUUID = c.string()
		case "size_bytes":
			v.Size = c.integer()
		case "thin_id":
			v.ThinID = c.integer()
		case "active":
			v.Active = c.boolean()
		case "open":
			v.Open = c.boolean()
		case "skip_activation":
			v.SkipActivation = c.boolean()
		case "tags":
			v.Tags = list(c, c.string)
		case "created":
			v.Created = c.time()
		case "health":
			v.Health = c.string()
		default:
			c.unknown("logical volume: ", name)
		}
	})
	return v
}

func (c *cursor) persistentVolume() (v plan.PersistentVolume) {
	c.object(func(name string) {
		switch name {
		case "name":
			v.Name = c.string()
		case "driver":
			v.Driver = c.string()
		case "handle":
			v.Handle = c.string()
		case "phase":
			v.Phase = c.string()
		case "namespace":
			v.Namespace = c.string()
		case "claim":
			v.Claim = c.string()
		case "storage_class":
			v.StorageClass = c.string()
		case "bytes":
			v.Bytes = c.integer()
		default:
			c.unknown("persistent volume: ", name)
		}
	})
	return v
}

func (c *cursor) claim() (k plan.Claim) {
	c.object(func(name string) {
		switch name {
		case "namespace":
			k.Namespace = c.string()
		case "name":
			k.Name = c.string()
		case "volume":
			k.Volume = c.string()
		case "phase":
			k.Phase = c.string()
		default:
			c.unknown("claim: ", name)
		}
	})
	return k
}

func (c *cursor) time() time.Time {
	text := c.string()
	if c.err != nil {
		return time.Time{}
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		c.fail(err)
	}
	return t
}
