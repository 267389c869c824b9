package plan

import "time"

// LongestAge is how old the newest version of a layer becomes while all goes by the
// schedules: the longest time between two of its slots and, since a copy of a
// snapshot bears the time of the snapshot, how old the newest snapshot may be by
// then. It is false where the layer comes once, or never.
func (p Policy) LongestAge(l Layer) (time.Duration, bool) {
	gap, known := l.Schedule.LongestGap()
	if from, found := p.Layer(l.From.Name); known && found && l.From.Type == "layer" {
		gap += l.Schedule.LongestLag(from.Schedule, p.Timezone.Location())
	}
	return gap, known
}
