package abi

import (
	"slices"
	"strconv"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

var statusKeys = []string{"sync", "health", "operation", "message"}

// AppendHealth encodes the answer of health.
func AppendHealth(b []byte, s reconcile.ResourceStatus) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, true, true, s.Message != "")
	w.str("sync", string(s.Sync))
	w.str("health", string(s.Health))
	w.str("operation", string(s.Operation))
	if s.Message != "" {
		w.str("message", s.Message)
	}
	return w.done()
}

// DecodeHealth decodes the answer of health.
func DecodeHealth(data []byte, limits Limits) (reconcile.ResourceStatus, error) {
	d := NewDecoder(data, limits)
	var s reconcile.ResourceStatus
	for i := range d.fields(statusKeys) {
		switch i {
		case 0:
			s.Sync = reconcile.SyncStatus(d.oneOf(syncs))
		case 1:
			s.Health = reconcile.HealthStatus(d.oneOf(healths))
		case 2:
			s.Operation = reconcile.OperationPhase(d.oneOf(operations))
		case 3:
			s.Message = d.String()
		}
	}
	d.need(s.Sync != "", "sync")
	d.need(s.Health != "", "health")
	d.need(s.Operation != "", "operation")
	return s, d.Finish()
}

var (
	syncs      = []string{string(reconcile.SyncStatusSynced), string(reconcile.SyncStatusOutOfSync), string(reconcile.SyncStatusUnknown)}
	healths    = []string{string(reconcile.HealthHealthy), string(reconcile.HealthDegraded), string(reconcile.HealthProgressing), string(reconcile.HealthMissing), string(reconcile.HealthSuspended)}
	operations = []string{string(reconcile.OperationIdle), string(reconcile.OperationSyncing), string(reconcile.OperationWaiting)}
)

// oneOf reads a string that is one of the allowed.
func (d *Decoder) oneOf(allowed []string) string {
	s := d.String()
	if slices.Contains(allowed, s) {
		return s
	}
	d.fail("the unknown value " + strconv.Quote(clip(s)))
	return ""
}
