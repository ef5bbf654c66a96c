package wasm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Describe returns what the module says of itself. It has no capability
// meanwhile. The answer is kept on disk by the module's digest, so that a
// second Describe starts no process.
func (h *Host) Describe(ctx context.Context, m *Module) (reconcile.Description, error) {
	answer, err := h.describe(ctx, m)
	if err != nil {
		return reconcile.Description{}, err
	}
	return answer.Description, nil
}

// Abilities are the optional operations that the module says it has: effects,
// health, find, export, reopen. It is asked as in [Host.Describe].
func (h *Host) Abilities(ctx context.Context, m *Module) ([]string, error) {
	answer, err := h.describe(ctx, m)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(answer.Abilities))
	for _, ability := range answer.Abilities {
		names = append(names, string(ability))
	}
	return names, nil
}

func (h *Host) describe(ctx context.Context, m *Module) (*abi.DescribeAnswer, error) {
	h.mu.Lock()
	known := h.descriptions[m.digest]
	h.mu.Unlock()
	if known != nil {
		return known, nil
	}
	if err := secureDir(h.opts.CacheDir); err != nil {
		return nil, err
	}
	answer, err := h.readDescription(m)
	if err != nil {
		if answer, err = h.askDescription(ctx, m); err != nil {
			return nil, fmt.Errorf("provider module %s: describe: %w", m.name, err)
		}
	}
	h.mu.Lock()
	h.descriptions[m.digest] = answer
	h.mu.Unlock()
	return answer, nil
}

// askDescription starts a worker without any grant.
func (h *Host) askDescription(ctx context.Context, m *Module) (*abi.DescribeAnswer, error) {
	p := &Provider{host: h, module: m, info: reconcile.ProviderInfo{Name: strings.TrimSuffix(filepath.Base(m.name), ".wasm")}, limits: withDefaults(reconcile.Limits{})}
	if err := p.checkMemory(); err != nil {
		return nil, err
	}
	s, err := p.connect(ctx, sessionSpec{owner: m.digest, timeout: p.limits.Timeout, redactor: p.redactor})
	if err != nil {
		return nil, p.explain("", "describing itself", err)
	}
	defer s.close()
	request := abi.DescribeRequest{Host: "cogplan " + h.opts.Version, Revision: abi.Revision, Features: features()}
	data, err := s.ask(ctx, abi.OpDescribe, &request)
	if err != nil {
		return nil, p.explain("", "describing itself", err)
	}
	answer, err := abi.DecodeDescribeAnswer(data, abi.Revision, p.wireLimits())
	if err != nil {
		return nil, fmt.Errorf("its description is malformed: %w", err)
	}
	if err := checkDescription(&answer.Description); err != nil {
		return nil, err
	}
	h.writeDescription(m, data)
	return answer, nil
}

func features() []string {
	return []string{abi.FeatureSHA256, abi.FeatureFiles, abi.FeatureHTTP, abi.FeatureTCP}
}

// checkDescription refuses what would confuse people or other parts.
func checkDescription(d *reconcile.Description) error {
	for _, text := range []string{d.Name, d.Version} {
		if text != sanitize(text) || len(text) > 200 || strings.Contains(text, "\n") {
			return errors.New("its name or version is no plain text")
		}
	}
	seen := map[string]bool{}
	for i := range d.Schema.Objects {
		name := d.Schema.Objects[i].Name
		if name == "" || seen[name] {
			return fmt.Errorf("its schema has the object type %q twice, or without a name", name)
		}
		seen[name] = true
	}
	return nil
}

func (h *Host) descriptionPath(m *Module) string {
	name := fmt.Sprintf("%s-%d.%d", strings.TrimPrefix(m.digest, "sha256:"), abi.Version, abi.Revision)
	return filepath.Join(h.opts.CacheDir, "schemas", name)
}

// readDescription reads what an earlier run was told: the digest of the
// answer, and the answer.
func (h *Host) readDescription(m *Module) (*abi.DescribeAnswer, error) {
	data, err := os.ReadFile(h.descriptionPath(m))
	if err != nil {
		return nil, err
	}
	if len(data) < sha256.Size {
		return nil, errors.New("truncated")
	}
	sum := sha256.Sum256(data[sha256.Size:])
	if !bytes.Equal(sum[:], data[:sha256.Size]) {
		return nil, errors.New("damaged")
	}
	answer, err := abi.DecodeDescribeAnswer(data[sha256.Size:], abi.Revision, abi.DefaultLimits())
	if err != nil {
		return nil, err
	}
	return answer, checkDescription(&answer.Description)
}

// writeDescription keeps the answer. Where it cannot, the next run asks again.
func (h *Host) writeDescription(m *Module, data []byte) {
	path := h.descriptionPath(m)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), "new-*")
	if err != nil {
		return
	}
	sum := sha256.Sum256(data)
	_, err1 := f.Write(sum[:])
	_, err2 := f.Write(data)
	if errors.Join(err1, err2, f.Close()) != nil || os.Rename(f.Name(), path) != nil {
		_ = os.Remove(f.Name())
	}
}

// secureDir makes the cache directory, or checks that it is ours alone: a
// compiled module that someone else put there would run with our rights.
func secureDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("provider cache %s: %w", dir, fs.ErrInvalid)
	}
	return checkOwner(dir, info)
}
