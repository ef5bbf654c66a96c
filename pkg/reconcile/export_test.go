package reconcile

// OnStep has a function called before each change of the disk that a store makes,
// its journals included; an error fails the change. It is for tests alone.
func OnStep(s *FileStore, step func(operation, name string) error) { s.step = step }

// RootOf is the directory of a store.
func RootOf(s *FileStore) string { return s.root }
