package policy

import (
	_ "embed"
	"strings"
)

// zoneList is the IANA database's names, to suggest from; plan.ParseZone is
// what decides.
//
//go:embed zones.txt
var zoneList string

// nearestZone returns the zone that was probably meant, by its full name or by
// its city alone.
func nearestZone(name string) string {
	zones := strings.Fields(zoneList)
	for _, zone := range zones {
		if strings.EqualFold(zone[strings.LastIndexByte(zone, '/')+1:], strings.ReplaceAll(name, " ", "_")) {
			return zone
		}
	}
	return nearest(name, zones)
}
