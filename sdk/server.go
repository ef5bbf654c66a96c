package sdk

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Server answers the operations of the protocol for one provider. It holds at
// most one session, as an instance of a guest does. It is not for concurrent
// use.
type Server struct {
	describe  func() reconcile.Description
	abilities []abi.Ability
	open      func(ctx context.Context, session *Session) (backend, error)
	data      DataFunc
	root      string
	session   *Session
	backend   backend
	cursor    cursor
	broken    bool
	buf       []byte
}

// backend is one session of a provider of either kind. What it cannot do it
// answers with [Unsupported].
type backend interface {
	known(objects []reconcile.Resource)
	loadConfig(ctx context.Context) ([]reconcile.Resource, error)
	fetchLive(ctx context.Context) ([]reconcile.Resource, map[string]any, error)
	effects(ctx context.Context, actions []abi.ObjectAction) ([][]reconcile.Effect, error)
	plan(ctx context.Context, head *abi.StateHead) (*reconcile.Plan, error)
	apply(ctx context.Context, request *abi.ApplyRequest) (Applied, error)
	buildState(ctx context.Context, head *abi.StateHead) ([]reconcile.Resource, map[string]any, error)
	health(ctx context.Context) (reconcile.ResourceStatus, error)
	find(ctx context.Context, lookup Lookup) (*reconcile.Resource, error)
	export(ctx context.Context) (map[string]any, error)
}

// message is anything that encodes itself.
type message interface {
	Append(b []byte) ([]byte, error)
}

// Call answers one operation: with the answer and [abi.StatusAnswer], or with
// an error message and [abi.StatusError]. The bytes are valid until the next
// call. A provider that panics is never asked again.
func (s *Server) Call(ctx context.Context, op abi.Op, request []byte) (reply []byte, status int32) {
	answer, err := s.guarded(ctx, op, request)
	if err == nil {
		if s.buf, err = answer.Append(s.buf[:0]); err == nil {
			return s.buf, abi.StatusAnswer
		}
		err = errors.New("answer " + op.String() + ": " + err.Error())
	}
	failure := asError(err)
	if s.buf, err = failure.Append(s.buf[:0]); err != nil {
		plain := &abi.Error{Kind: failure.Kind, Message: failure.Message}
		s.buf, _ = plain.Append(s.buf[:0])
	}
	return s.buf, abi.StatusError
}

func (s *Server) guarded(ctx context.Context, op abi.Op, request []byte) (answer message, err error) {
	if s.broken {
		return nil, errors.New("the provider panicked before and is not asked again")
	}
	defer func() {
		if cause := recover(); cause != nil {
			s.broken = true
			Log(abi.LogError, string(debug.Stack()))
			err = errors.New("the provider panicked during " + op.String() + ": " + panicText(cause))
		}
	}()
	if op == abi.OpDescribe {
		return s.doDescribe(request)
	}
	if op == abi.OpOpen {
		return s.doOpen(ctx, request)
	}
	if s.session == nil {
		return nil, errors.New(op.String() + " needs an open session")
	}
	return s.inSession(ctx, op, request)
}

func panicText(cause any) string {
	switch v := cause.(type) {
	case error:
		return v.Error()
	case string:
		return v
	default:
		return "a value that is no text"
	}
}

func (s *Server) doDescribe(request []byte) (message, error) {
	m, err := abi.DecodeDescribeRequest(request, abi.DefaultLimits())
	if err != nil {
		return nil, err
	}
	return &abi.DescribeAnswer{
		Revision:    min(m.Revision, abi.Revision),
		Description: s.describe(),
		Abilities:   append(slices.Clip(s.abilities), abi.AbilityReopen),
	}, nil
}

func (s *Server) doOpen(ctx context.Context, request []byte) (message, error) {
	if s.session != nil {
		return nil, errors.New("a session is open already")
	}
	m, err := abi.DecodeOpenRequest(request, abi.DefaultLimits())
	if err != nil {
		return nil, err
	}
	session := newSession(m)
	setEnviron(m.Env)
	session.root = s.root
	if m.Kind == abi.KindData {
		if s.data == nil {
			return nil, Unsupported("the provider has no data blocks")
		}
		s.session = session
		s.backend = &dataBackend{session: session, read: s.data}
		return abi.Empty{}, nil
	}
	s.backend, err = s.open(ctx, session)
	if err == nil {
		err = session.body.Err()
	}
	if err != nil {
		return nil, err
	}
	s.session = session
	return abi.Empty{}, nil
}

func (s *Server) inSession(ctx context.Context, op abi.Op, request []byte) (message, error) {
	if op != abi.OpNext {
		s.cursor = cursor{}
	}
	switch op {
	case abi.OpKnown:
		m, err := abi.DecodeKnownRequest(request, abi.DefaultLimits())
		if err == nil {
			s.backend.known(m.Objects)
		}
		return abi.Empty{}, err
	case abi.OpEffects:
		return s.doEffects(ctx, request)
	case abi.OpPlan, abi.OpBuildState:
		return s.doState(ctx, op, request)
	case abi.OpApply:
		return s.doApply(ctx, request)
	case abi.OpFind:
		return s.doFind(ctx, request)
	default:
		if _, err := abi.DecodeEmpty(request, abi.DefaultLimits()); err != nil {
			return nil, err
		}
		return s.plain(ctx, op)
	}
}

// plain answers the operations whose request has no keys.
func (s *Server) plain(ctx context.Context, op abi.Op) (message, error) {
	switch op {
	case abi.OpClose:
		s.session, s.backend, s.cursor = nil, nil, cursor{}
		return abi.Empty{}, nil
	case abi.OpLoadConfig:
		objects, err := s.backend.loadConfig(ctx)
		return s.begin(objects, nil, nil, err)
	case abi.OpFetchLive:
		objects, outputs, err := s.backend.fetchLive(ctx)
		return s.begin(objects, outputs, nil, err)
	case abi.OpNext:
		return s.cursor.next()
	case abi.OpHealth:
		status, err := s.backend.health(ctx)
		return healthMessage(status), err
	case abi.OpExport:
		body, err := s.backend.export(ctx)
		return &abi.ExportAnswer{Body: body, Warnings: s.session.takeWarnings()}, err
	default:
		return nil, Unsupported("operation " + op.String())
	}
}

func (s *Server) begin(objects []reconcile.Resource, outputs, metadata map[string]any, err error) (message, error) {
	if err == nil {
		err = s.session.body.Err()
	}
	if err != nil {
		return nil, err
	}
	s.cursor = cursor{objects: objects, outputs: outputs, metadata: metadata, warnings: s.session.takeWarnings(), active: true}
	return s.cursor.next()
}

func (s *Server) doEffects(ctx context.Context, request []byte) (message, error) {
	m, err := abi.DecodeEffectsRequest(request, abi.DefaultLimits())
	if err != nil {
		return nil, err
	}
	effects, err := s.backend.effects(ctx, m.Actions)
	return &abi.EffectsAnswer{Effects: effects}, err
}

func (s *Server) doState(ctx context.Context, op abi.Op, request []byte) (message, error) {
	m, err := abi.DecodeStateRequest(request, abi.DefaultLimits())
	if err != nil {
		return nil, err
	}
	if op == abi.OpBuildState {
		objects, metadata, err := s.backend.buildState(ctx, m.State)
		return s.begin(objects, nil, metadata, err)
	}
	plan, err := s.backend.plan(ctx, m.State)
	if err != nil {
		return nil, err
	}
	s.cursor = cursor{plan: plan, active: true}
	return s.cursor.next()
}

func (s *Server) doApply(ctx context.Context, request []byte) (message, error) {
	m, err := abi.DecodeApplyRequest(request, abi.DefaultLimits())
	if err != nil {
		return nil, err
	}
	if !s.session.Writes() {
		return nil, errors.New("apply in a session that only reads")
	}
	applied, err := s.backend.apply(ctx, m)
	if err != nil && applied.ID != "" {
		err = Created(applied.ID, err)
	}
	return &abi.ApplyAnswer{CreatedID: applied.ID, Object: applied.Object, Warnings: s.session.takeWarnings()}, err
}

func (s *Server) doFind(ctx context.Context, request []byte) (message, error) {
	m, err := abi.DecodeFindRequest(request, abi.DefaultLimits())
	if err != nil {
		return nil, err
	}
	object, err := s.backend.find(ctx, Lookup{Key: m.Key, ID: m.ID, Object: m.Object})
	return &abi.FindAnswer{Object: object}, err
}

type healthMessage reconcile.ResourceStatus

func (m healthMessage) Append(b []byte) ([]byte, error) {
	return abi.AppendHealth(b, reconcile.ResourceStatus(m))
}

// asError makes any error a message.
func asError(err error) *abi.Error {
	if e, ok := errors.AsType[*abi.Error](err); ok {
		c := *e
		c.Message = text(err)
		return &c
	}
	return &abi.Error{Kind: abi.KindError, Message: text(err)}
}

func text(err error) string {
	if err == nil || err.Error() == "" {
		return "unknown error"
	}
	return strings.ToValidUTF8(err.Error(), "\uFFFD")
}
