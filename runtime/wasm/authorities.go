package wasm

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// maxAuthorities is the largest file with authorities: the system's own have a
// quarter of that.
const maxAuthorities = 1 << 20

// authoritiesOf reads the files that vouch for servers, as the grants name them. A
// replay meets no server, and reads none.
func (h *Host) authoritiesOf(grants reconcile.Grants, moduleDir string) (map[string]*x509.CertPool, error) {
	pools := map[string]*x509.CertPool{}
	var paths []string
	for i := range grants.HTTP {
		paths = append(paths, grants.HTTP[i].CA)
	}
	for i := range grants.TCP {
		paths = append(paths, grants.TCP[i].CA)
	}
	for _, path := range paths {
		if path == "" || pools[path] != nil {
			continue
		}
		if h.opts.Replay != nil {
			pools[path] = x509.NewCertPool()
			continue
		}
		pool, err := readAuthorities(path, moduleDir)
		if err != nil {
			return nil, fmt.Errorf("the authorities %q: %w", path, err)
		}
		pools[path] = pool
	}
	return pools, nil
}

func readAuthorities(path, moduleDir string) (*x509.CertPool, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(moduleDir, path)
	}
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxAuthorities+1))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if len(data) > maxAuthorities || !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("it holds no certificates in PEM")
	}
	return pool, nil
}
