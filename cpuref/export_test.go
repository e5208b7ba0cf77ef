package cpuref

// Paths are the instruction sets that this processor runs.
func Paths() (names []string) {
	for _, p := range cpuPaths() {
		if p.usable {
			names = append(names, p.name)
		}
	}
	return names
}
