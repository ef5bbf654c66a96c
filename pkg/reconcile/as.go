package reconcile

// As returns the first of p and what it wraps that is a T. It is how an
// optional ability of a provider is found behind any number of wrappers.
func As[T any](p Reconcilable) (T, bool) {
	for p != nil {
		if found, ok := p.(T); ok {
			return found, true
		}
		wrapper, ok := p.(Unwrapper)
		if !ok {
			break
		}
		p = wrapper.Unwrap()
	}
	var none T
	return none, false
}
