package cli

// onlyData reports whether the module has no resource of a provider, only data.
func (s *session) onlyData(provider string) bool {
	for _, meta := range s.eval.MetaConfig().Resources {
		if meta.Source != provider {
			continue
		}
		if declaration, _ := s.eval.Declaration(meta.Name); declaration.Mode != "data" {
			return false
		}
	}
	return true
}
