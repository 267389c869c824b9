package selection

// List has folders that are selected listed, so that what lies directly in them is
// looked at, here and over there. What is none any more stays as it is selected.
func (s Selection) List(folders []string) {
	for _, name := range folders {
		if k, known := s.entries[name]; known && k == itself {
			s.entries[name] = content
		}
	}
}
