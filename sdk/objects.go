package sdk

import (
	"context"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Objects is a provider that leaves planning to the host. A value serves one
// session: one resource, to read or to write. No method is called from two
// goroutines, and no value that read is used to write.
type Objects interface {
	// Desired turns the configuration into objects. It reads what the
	// configuration names and changes nothing. The order is part of a kept plan:
	// give the same one each time, so not that of a Go map.
	Desired(ctx context.Context) ([]reconcile.Resource, error)
	// Live reads the world: the objects that are declared or known, and, with
	// mode unmanaged, others that the author should see. It changes nothing.
	// An object that does not exist is left out.
	Live(ctx context.Context, query Query) ([]reconcile.Resource, error)
	// Create makes the desired object. Called again with the same key, it finds
	// what the first attempt made instead of making it twice.
	Create(ctx context.Context, change Change) (Applied, error)
	// Update makes the live object the desired one.
	Update(ctx context.Context, change Change) (Applied, error)
	// Delete removes the live object; one that is gone already is a success.
	Delete(ctx context.Context, change Change) error
}

// Query says which objects the host asks about.
type Query struct {
	// Desired is what [Objects.Desired] returned.
	Desired []reconcile.Resource
	// Known is what the state has recorded.
	Known []reconcile.Resource
}

// Change is one planned action.
type Change struct {
	Action reconcile.ActionType
	Type   string
	Name   string
	// ID is the provider's own ID of the object, where known.
	ID string
	// Before is the live object that the plan saw; nil for a create.
	Before *reconcile.Resource
	// Desired is the declared object; nil for a delete.
	Desired *reconcile.Resource
	// Changed are the paths of the attributes that differ, for an update.
	Changed []string
	// Key is the idempotency key: the same for each attempt at this action. It
	// is empty while effects are asked for.
	Key string
}

// Applied says what an action led to.
type Applied struct {
	// ID is the provider's own ID of what was created.
	ID string
	// Object is the object as it is now; nil leaves it to the next reading.
	Object *reconcile.Resource
}

// Effector is optional: it says what an action will do to the world. The host
// permits exactly that while the action is applied. A provider without it is
// shown as unbounded within its grant, which the default policy denies.
type Effector interface {
	Effects(ctx context.Context, change Change) ([]reconcile.Effect, error)
}

// Outputter is optional: it gives the values of computed arguments, after Live.
type Outputter interface {
	Outputs(ctx context.Context) (map[string]any, error)
}

// Lookup asks for one object.
type Lookup struct {
	// Key is the idempotency key of an action whose outcome nobody recorded;
	// empty for an import.
	Key string
	// ID is the provider's own ID, for an import; empty where not known.
	ID string
	// Object is the declared object; for an import only its type and name.
	Object reconcile.Resource
}

// Finder is optional: it finds one object, or returns nil.
type Finder interface {
	Find(ctx context.Context, lookup Lookup) (*reconcile.Resource, error)
}

// HealthChecker is optional: it says how the objects fare in the world. The
// host fills in whether they are in sync.
type HealthChecker interface {
	Health(ctx context.Context) (reconcile.ResourceStatus, error)
}

// BodyExporter is optional: it describes what is live as the body of a resource
// block, from which the host writes HCL.
type BodyExporter interface {
	Export(ctx context.Context) (map[string]any, error)
}

// DataFunc answers a data block: its value, by the names of its arguments.
type DataFunc func(ctx context.Context, session *Session) (map[string]any, error)

// Option is an optional ability of a provider made with [NewObjects].
type Option func(*Server)

// WithData lets the provider answer data blocks; the schema's Data describes
// their bodies.
func WithData(read DataFunc) Option {
	return func(s *Server) { s.data = read }
}

// ServeObjects serves the provider to the host; call it from init. The open
// function begins a session: it reads the configuration and returns the value
// that serves it.
func ServeObjects[T Objects](d reconcile.Description, open func(context.Context, *Session) (T, error), options ...Option) {
	register(NewObjects(d, open, options...))
}

// NewObjects returns a server of the provider without registering it: for tests
// and native use.
func NewObjects[T Objects](d reconcile.Description, open func(context.Context, *Session) (T, error), options ...Option) *Server {
	s := &Server{describe: func() reconcile.Description { return d }}
	s.open = func(ctx context.Context, session *Session) (backend, error) {
		objects, err := open(ctx, session)
		if err != nil {
			return nil, err
		}
		return &objectsBackend{session: session, objects: objects}, nil
	}
	var zero T // the abilities are those of the type; no session is needed
	s.abilities = abilitiesOf(zero)
	for _, option := range options {
		option(s)
	}
	return s
}

func abilitiesOf(objects Objects) []abi.Ability {
	var list []abi.Ability
	if _, ok := objects.(Effector); ok {
		list = append(list, abi.AbilityEffects)
	}
	if _, ok := objects.(HealthChecker); ok {
		list = append(list, abi.AbilityHealth)
	}
	if _, ok := objects.(Finder); ok {
		list = append(list, abi.AbilityFind)
	}
	if _, ok := objects.(BodyExporter); ok {
		list = append(list, abi.AbilityExport)
	}
	return list
}

// Temporary is an error that may pass when tried again, after that time; zero
// leaves the time to the host.
func Temporary(message string, after time.Duration) error {
	return &abi.Error{Kind: abi.KindTemporary, Message: message, RetryAfter: after.Milliseconds()}
}

// Stale is the error that an object is not any more what the plan saw.
func Stale(message string) error {
	return &abi.Error{Kind: abi.KindStale, Message: message}
}

// Unsupported is the error that the provider cannot do what it is asked.
func Unsupported(message string) error {
	return &abi.Error{Kind: abi.KindUnsupported, Message: message}
}

// Created is an error of a create that made the object nevertheless: the host
// records its ID.
func Created(id string, cause error) error {
	e := *asError(cause)
	e.CreatedID = id
	return &e
}
