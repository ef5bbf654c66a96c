package wasm

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/broker"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// The limits that hold where a module sets none.
const (
	DefaultMemory  = 256 << 20
	DefaultTimeout = 30 * time.Second
	DefaultRun     = 30 * time.Minute
	DefaultOutput  = 64 << 20
	DefaultLog     = 1 << 20
	DefaultCPU     = 30 * time.Minute
)

const (
	maxFileSize = 1 << 30
	maxHandles  = 256
	// maxMemory is what a 32-bit guest can address.
	maxMemory = 4 << 30
)

// ProviderSpec is a provider block, ready to be used.
type ProviderSpec struct {
	// Info names the provider and holds its grants and limits. Digest and
	// Version are filled in by [Host.Provider].
	Info   reconcile.ProviderInfo
	Module *Module
	// ModuleDir is the directory of the module whose provider block this is:
	// relative grants start there.
	ModuleDir string
	// Config is the provider's own configuration.
	Config reconcile.Config
	// ReadOnly says that no resource of the module is the provider's, only data:
	// it need not be granted what it writes with.
	ReadOnly bool
	// Credential reads the secret of a credential that a grant names, when the
	// provider runs for the first time; nil where the module has none.
	Credential func(ctx context.Context, name string) (Credential, error)
}

// A Provider is a module bound to grants, limits and configuration. It is safe
// for concurrent use.
type Provider struct {
	host     *Host
	module   *Module
	info     reconcile.ProviderInfo
	answer   *abi.DescribeAnswer
	limits   reconcile.Limits
	mounts   []guestfs.Mount
	config   reconcile.Config
	redactor *redactor
	// authorities vouch for servers, by the path in a grant.
	authorities map[string]*x509.CertPool
	// credential reads a secret; nil where there is none.
	credential func(ctx context.Context, name string) (Credential, error)
	online     online
	spent      atomic.Int64 // nanoseconds in calls
	logged     atomic.Int64 // bytes
	// lane is what tells its workers apart, once somebody has asked.
	lane  string
	keyed sync.Once
}

// Provider checks the grants and binds the module to them. Nothing is created:
// directories that a write grant names may be missing until an apply makes them.
func (h *Host) Provider(ctx context.Context, spec ProviderSpec) (*Provider, error) {
	fail := func(err error) (*Provider, error) { return nil, fmt.Errorf("provider %q: %w", spec.Info.Name, err) }
	answer, err := h.describe(ctx, spec.Module)
	if err != nil {
		return fail(err)
	}
	mounts, err := mountsOf(spec.Info.Grants, spec.ModuleDir)
	if err != nil {
		return fail(err)
	}
	if err := checkCapabilities(answer.Description.Capabilities, &spec); err != nil {
		return fail(err)
	}
	authorities, err := h.authoritiesOf(spec.Info.Grants, spec.ModuleDir)
	if err == nil {
		err = checkNetwork(&spec, authorities)
	}
	if err != nil {
		return fail(err)
	}
	p := &Provider{
		host: h, module: spec.Module, info: spec.Info, answer: answer, mounts: mounts, config: spec.Config,
		limits: withDefaults(spec.Info.Limits), redactor: newRedactor(spec.Config.Secrets), credential: spec.Credential,
		authorities: authorities,
	}
	p.info.Digest, p.info.Version = spec.Module.digest, answer.Description.Version
	if err := p.checkLimits(spec.Info.Limits); err != nil {
		return fail(err)
	}
	return p, nil
}

// Info identifies the provider: digest, version and grants included.
func (p *Provider) Info() reconcile.ProviderInfo { return p.info }

// Description is what the provider says of itself.
func (p *Provider) Description() reconcile.Description { return p.answer.Description }

// DefaultLimits are the limits that hold where a module sets none.
func DefaultLimits() reconcile.Limits {
	limits := withDefaults(reconcile.Limits{})
	setDefault(&limits.Requests, broker.DefaultRequests)
	setDefault(&limits.Response, broker.DefaultResponse)
	setDefault(&limits.Connections, broker.DefaultConnections)
	setDefault(&limits.Traffic, broker.DefaultTraffic)
	return limits
}

func withDefaults(l reconcile.Limits) reconcile.Limits {
	setDefault(&l.Memory, DefaultMemory)
	setDefault(&l.Timeout, DefaultTimeout)
	setDefault(&l.Run, DefaultRun)
	setDefault(&l.Output, DefaultOutput)
	setDefault(&l.Log, DefaultLog)
	setDefault(&l.CPU, DefaultCPU)
	return l
}

func setDefault[T int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

func (p *Provider) checkLimits(l reconcile.Limits) error {
	if l.Memory < 0 || l.Timeout < 0 || l.Run < 0 || l.Output < 0 || l.Log < 0 || l.CPU < 0 ||
		l.Requests < 0 || l.Rate < 0 || l.Response < 0 || l.Connections < 0 || l.Traffic < 0 {
		return fmt.Errorf("limits: a limit below zero")
	}
	if l.Memory > maxMemory {
		return fmt.Errorf("limits: memory of %d MiB; a provider can address no more than %d MiB", l.Memory>>20, maxMemory>>20)
	}
	if l.Output > 1<<30 {
		return fmt.Errorf("limits: output of %d MiB; no more than 1024 MiB are possible", l.Output>>20)
	}
	return p.checkMemory()
}

const wasmPage = 64 << 10

func (p *Provider) checkMemory() error {
	p.limits.Memory = p.limits.Memory / wasmPage * wasmPage
	if need := p.module.Memory(); need > p.limits.Memory {
		return fmt.Errorf("the module needs %d MiB of memory to start, and its limit is %d MiB; "+
			"raise limits { memory } if you trust it with more", need>>20, p.limits.Memory>>20)
	}
	return nil
}

// checkCapabilities refuses a provider that cannot work with what it is given.
func checkCapabilities(asked []reconcile.Capability, spec *ProviderSpec) error {
	grants := spec.Info.Grants
	have := map[string]bool{
		"read":  len(grants.Read)+len(grants.Write) > 0,
		"write": len(grants.Write) > 0 || spec.ReadOnly,
		"http":  len(grants.HTTP) > 0, "tcp": len(grants.TCP) > 0, "env": len(grants.Env) > 0,
	}
	for _, c := range asked {
		if c.Optional || have[c.Kind] {
			continue
		}
		text := fmt.Sprintf("it needs the capability %q, which the module does not grant", c.Kind)
		if c.Detail != "" {
			text += fmt.Sprintf(" (%s)", clip(sanitize(c.Detail), 200))
		}
		if c.Reason != "" {
			text += ": " + clip(sanitize(c.Reason), 500)
		}
		return fmt.Errorf("%s; add it to the allow block", text)
	}
	return nil
}

func (p *Provider) wireLimits() abi.Limits {
	limits := abi.DefaultLimits()
	limits.Bytes = int(p.limits.Output)
	return limits
}

// workerConfig is what a worker for this provider is told.
func (p *Provider) workerConfig() pipe.Config {
	dir := filepath.Join(p.host.opts.CacheDir, "modules", strings.TrimPrefix(p.module.digest, "sha256:"))
	return pipe.Config{
		CacheDir: dir,
		Mounts:   p.mounts,
		Files:    guestfs.Limits{FileSize: maxFileSize, Handles: maxHandles, Audit: p.host.opts.Audit != nil},
		Memory:   p.limits.Memory,
		Output:   p.limits.Output,
		Log:      p.limits.Log,
		CPU:      p.limits.CPU,
		Time:     p.host.opts.Time,
		Alone:    !p.networked(),
	}
}

// key tells workers apart: two providers share one if module, grants and
// limits are the same.
func (p *Provider) key() string {
	p.keyed.Do(func() {
		config, _ := json.Marshal(p.workerConfig()) //nolint:errchkjson // plain values
		sum := sha256.Sum256(append(config, p.info.Name...))
		p.lane = p.module.digest + hex.EncodeToString(sum[:8])
	})
	return p.lane
}
