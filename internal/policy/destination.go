package policy

import (
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/schedule"
)

// destination decodes a destination block.
func (e *evaluator) destination(d declaration) plan.Destination {
	result := plan.Destination{Kind: d.kind, Name: d.name}
	if d.kind != plan.DestinationDisk && d.kind != plan.DestinationSSH {
		e.unknownKind(d, []string{plan.DestinationDisk, plan.DestinationSSH})
		return result
	}
	b := e.body(d.kind+" destination", d.block)
	b.require("path")
	result.Path = b.absolute("path")
	result.Media = b.text("media")
	result.Offsite = b.flag("offsite")
	result.RequireMount = b.flag("require_mount")
	if d.kind == plan.DestinationSSH {
		b.require("address")
		result.Address = b.address()
		result.IdentityFile = b.absolute("identity_file")
		result.BandwidthLimit = parsed(b, "bandwidth_limit", "size", fromQuantity(quantity.ParseSize))
		result.Quiet = parsedList(b, "quiet", "time of day", fromQuantity(schedule.ParseWindow))
		b.within("synology", "synology block", func(s *body) {
			s.require("share")
			result.SynologyShare = s.text("share")
		})
	}
	b.within("guard", "guard of "+aOrAn(b.what), func(g *body) { result.MinFree = g.threshold("min_free") })
	b.done()
	return result
}
