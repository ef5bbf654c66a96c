package policy

import "time"

// A crew runs work in goroutines that serve again. An evaluation grows the stack
// of its goroutine to many times what one begins with; for a small plan that
// would be a good part of what the evaluation costs. The nil crew starts a
// goroutine each time.
type crew struct{ jobs chan func() }

// crewIdle is how long a goroutine waits for more work.
const crewIdle = 50 * time.Millisecond

func newCrew() *crew { return &crew{jobs: make(chan func())} }

// run has the job done by a goroutine that waits, or by a new one.
func (c *crew) run(job func()) {
	if c == nil {
		go job()
		return
	}
	select {
	case c.jobs <- job:
	default:
		go c.serve(job)
	}
}

func (c *crew) serve(job func()) {
	idle := time.NewTimer(crewIdle)
	defer idle.Stop()
	for {
		job()
		idle.Reset(crewIdle)
		select {
		case job = <-c.jobs:
		case <-idle.C:
			return
		}
	}
}
