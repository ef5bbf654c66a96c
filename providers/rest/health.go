package main

import (
	"context"
	"strconv"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/jsonvalue"
)

// health is how an item tells how it fares.
type health struct {
	name              string
	field             jsonvalue.Pointer
	healthy, degraded map[string]bool
}

func healthOf(b sdk.Body) *health {
	inner, ok := b.Block("health")
	if !ok {
		return nil
	}
	return &health{
		name: inner.String("field"), field: pointer(inner, "field", ""),
		healthy: set(inner.Strings("healthy")), degraded: set(inner.Strings("degraded")),
	}
}

// Health is that of the declared item that fares worst.
func (r *rest) Health(ctx context.Context) (reconcile.ResourceStatus, error) {
	worst := reconcile.NewResourceStatus(reconcile.SyncStatusUnknown, reconcile.HealthHealthy)
	if r.health == nil {
		return worst, nil
	}
	for _, object := range r.objects {
		status, message, err := r.healthOfItem(ctx, object.Label)
		if err != nil {
			return worst, err
		}
		if status == reconcile.HealthDegraded || worst.Health == reconcile.HealthHealthy && status != worst.Health {
			worst.Health, worst.Message = status, message
		}
		if status == reconcile.HealthDegraded {
			break
		}
	}
	return worst, nil
}

func (r *rest) healthOfItem(ctx context.Context, name string) (status reconcile.HealthStatus, message string, err error) {
	it, found, err := r.current(ctx, name)
	if err != nil {
		return "", "", err
	}
	if !found {
		return reconcile.HealthMissing, "object " + strconv.Quote(name) + " is not there", nil
	}
	value, ok := r.health.field.Get(it.fields)
	text := "nothing"
	if ok {
		if text, ok = scalar(value); !ok {
			text = "no plain value"
		}
	}
	message = "object " + strconv.Quote(name) + " has " + r.health.name + " = " + cut(text)
	switch {
	case ok && r.health.healthy[text]:
		return reconcile.HealthHealthy, "", nil
	case ok && r.health.degraded[text]:
		return reconcile.HealthDegraded, message, nil
	default:
		return reconcile.HealthProgressing, message, nil
	}
}
