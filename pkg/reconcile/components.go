package reconcile

// Digest binds all components together: it is the digest of their review.
func (c Components) Digest() string { return c.digest() }

// Moved names the components that differ now: of config, live, state, provider,
// grants, declaration and plan; none where they are the same. One that is not
// known on a side is not compared.
func (c Components) Moved(now Components) []string {
	if c.digest() == now.digest() {
		return nil
	}
	return c.moved(now)
}

// PlanDigest is the digest of a plan without its time, as [Components] hold it.
func PlanDigest(plan *Plan) (string, error) { return planDigest(plan) }

// DecodeState reads the stored form of a state and refuses everything else: an
// unknown version or field, a half, trailing data.
func DecodeState(data []byte) (*State, error) { return decodeState(data) }
