package reconcile

// AwaitApproval reports whether missing approvals are all that is in the way of
// what decisions deny. It is false where they deny nothing, and where one denies
// without a finding that says why.
func AwaitApproval(decisions []Decision) bool {
	waiting := false
	for i := range decisions {
		if decisions[i].Allowed {
			continue
		}
		if !decisions[i].awaitsApproval() {
			return false
		}
		waiting = true
	}
	return waiting
}

func (d *Decision) awaitsApproval() bool {
	missing := false
	for _, f := range d.Findings {
		if f.Denies() {
			return false
		}
		missing = missing || f.Level == LevelApproval && f.Override == ""
	}
	return missing
}

// Decisions are all rulings of the proposal: those on its plans, and the one on
// the run where there is one.
func (p *Proposal) Decisions() []Decision {
	if p == nil {
		return nil
	}
	var decisions []Decision
	for i := range p.Resources {
		if r := &p.Resources[i]; r.Review.Plan != nil || r.Status == StatusDenied {
			decisions = append(decisions, r.Decision)
		}
	}
	if p.Run != nil {
		decisions = append(decisions, *p.Run)
	}
	return decisions
}
