// Package sdktest drives a provider as the host does, message by message, for
// tests: a [Client] speaks to a native [sdk.Server] or to a guest in a sandbox,
// so that both can be held against each other. It plans nothing and permits
// everything; it is no host.
package sdktest

import (
	"context"
	"fmt"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Caller answers operations: an [sdk.Server], or an instance of a guest.
type Caller interface {
	Call(ctx context.Context, op abi.Op, request []byte) (reply []byte, status int32)
}

// Client asks a provider and decodes its answers strictly. A failed operation
// is an *[abi.Error].
type Client struct {
	caller Caller
}

// NewClient returns a client of the provider.
func NewClient(caller Caller) *Client { return &Client{caller: caller} }

type appender interface {
	Append(b []byte) ([]byte, error)
}

// Raw makes one call with those bytes.
func (c *Client) Raw(ctx context.Context, op abi.Op, request []byte) ([]byte, error) {
	reply, status := c.caller.Call(ctx, op, request)
	switch status {
	case abi.StatusAnswer:
		return reply, nil
	case abi.StatusError:
		e, err := abi.DecodeErrorMessage(reply, abi.DefaultLimits())
		if err != nil {
			return nil, fmt.Errorf("%s: malformed error message: %w", op, err)
		}
		return nil, e
	default:
		return nil, fmt.Errorf("%s: unknown status %d", op, status)
	}
}

func (c *Client) call(ctx context.Context, op abi.Op, request appender) ([]byte, error) {
	data, err := request.Append(nil)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", op, err)
	}
	return c.Raw(ctx, op, data)
}

func ask[T any](ctx context.Context, c *Client, op abi.Op, request appender, decode func([]byte, abi.Limits) (T, error)) (T, error) {
	var zero T
	data, err := c.call(ctx, op, request)
	if err != nil {
		return zero, err
	}
	answer, err := decode(data, abi.DefaultLimits())
	if err != nil {
		return zero, fmt.Errorf("answer of %s: %w", op, err)
	}
	return answer, nil
}

// Describe asks the provider what it is.
func (c *Client) Describe(ctx context.Context, features ...string) (*abi.DescribeAnswer, error) {
	request := &abi.DescribeRequest{Host: "sdktest", Revision: abi.Revision, Features: features}
	return ask(ctx, c, abi.OpDescribe, request, func(b []byte, l abi.Limits) (*abi.DescribeAnswer, error) {
		return abi.DecodeDescribeAnswer(b, abi.Revision, l)
	})
}

// Open begins a session.
func (c *Client) Open(ctx context.Context, request *abi.OpenRequest) error {
	_, err := ask(ctx, c, abi.OpOpen, request, abi.DecodeEmpty)
	return err
}

// Close ends the session.
func (c *Client) Close(ctx context.Context) error {
	_, err := ask(ctx, c, abi.OpClose, abi.Empty{}, abi.DecodeEmpty)
	return err
}

// Known tells recorded objects, in batches.
func (c *Client) Known(ctx context.Context, objects []reconcile.Resource) error {
	for len(objects) > 0 {
		n := min(len(objects), abi.MaxBatch)
		if _, err := ask(ctx, c, abi.OpKnown, &abi.KnownRequest{Objects: objects[:n]}, abi.DecodeEmpty); err != nil {
			return err
		}
		objects = objects[n:]
	}
	return nil
}

// LoadConfig returns the desired objects of all batches.
func (c *Client) LoadConfig(ctx context.Context) (*abi.Batch, error) {
	return c.batches(ctx, abi.OpLoadConfig, abi.Empty{})
}

// FetchLive returns the live objects of all batches, and the outputs.
func (c *Client) FetchLive(ctx context.Context) (*abi.Batch, error) {
	return c.batches(ctx, abi.OpFetchLive, abi.Empty{})
}

// BuildState returns the objects of all batches, and the metadata.
func (c *Client) BuildState(ctx context.Context, head *abi.StateHead) (*abi.Batch, error) {
	return c.batches(ctx, abi.OpBuildState, &abi.StateRequest{State: head})
}

func (c *Client) batches(ctx context.Context, op abi.Op, request appender) (*abi.Batch, error) {
	decode := func(b []byte, l abi.Limits) (*abi.Batch, error) { return abi.DecodeBatch(b, op, l) }
	all, err := ask(ctx, c, op, request, decode)
	for err == nil && all.More {
		var more *abi.Batch
		if more, err = ask(ctx, c, abi.OpNext, abi.Empty{}, decode); err != nil {
			break
		}
		all.Objects = append(all.Objects, more.Objects...)
		all.Warnings = append(all.Warnings, more.Warnings...)
		all.More, all.Outputs, all.Metadata = more.More, more.Outputs, more.Metadata
	}
	return all, err
}

// Plan returns the provider's own plan.
func (c *Client) Plan(ctx context.Context, head *abi.StateHead) (*abi.PlanBatch, error) {
	all, err := ask(ctx, c, abi.OpPlan, &abi.StateRequest{State: head}, abi.DecodePlanBatch)
	for err == nil && all.More {
		var more *abi.PlanBatch
		if more, err = ask(ctx, c, abi.OpNext, abi.Empty{}, abi.DecodePlanBatch); err != nil {
			break
		}
		more.Actions = append(all.Actions, more.Actions...)
		all = more
	}
	return all, err
}

// Effects returns the effects of each action.
func (c *Client) Effects(ctx context.Context, actions []abi.ObjectAction) ([][]reconcile.Effect, error) {
	var out [][]reconcile.Effect
	for len(actions) > 0 {
		n := min(len(actions), abi.MaxBatch)
		answer, err := ask(ctx, c, abi.OpEffects, &abi.EffectsRequest{Actions: actions[:n]}, func(b []byte, l abi.Limits) (*abi.EffectsAnswer, error) {
			return abi.DecodeEffectsAnswer(b, n, l)
		})
		if err != nil {
			return nil, err
		}
		out, actions = append(out, answer.Effects...), actions[n:]
	}
	return out, nil
}

// Apply carries out one action.
func (c *Client) Apply(ctx context.Context, request *abi.ApplyRequest) (*abi.ApplyAnswer, error) {
	return ask(ctx, c, abi.OpApply, request, abi.DecodeApplyAnswer)
}

// Health asks how the objects fare.
func (c *Client) Health(ctx context.Context) (reconcile.ResourceStatus, error) {
	return ask(ctx, c, abi.OpHealth, abi.Empty{}, abi.DecodeHealth)
}

// Find looks for one object; nil where there is none.
func (c *Client) Find(ctx context.Context, request *abi.FindRequest) (*reconcile.Resource, error) {
	answer, err := ask(ctx, c, abi.OpFind, request, abi.DecodeFindAnswer)
	if err != nil {
		return nil, err
	}
	return answer.Object, nil
}

// Export asks for a body that declares what is live.
func (c *Client) Export(ctx context.Context) (map[string]any, error) {
	answer, err := c.ExportAnswer(ctx)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// ExportAnswer is [Client.Export] with the warnings.
func (c *Client) ExportAnswer(ctx context.Context) (*abi.ExportAnswer, error) {
	return ask(ctx, c, abi.OpExport, abi.Empty{}, abi.DecodeExportAnswer)
}
