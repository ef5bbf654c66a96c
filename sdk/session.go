package sdk

import (
	"crypto/sha256"
	"io"
	"slices"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Session is what the host said when it opened one.
type Session struct {
	request  *abi.OpenRequest
	body     Body
	provider Body
	root     string
	warnings []string
}

func newSession(request *abi.OpenRequest) *Session {
	s := &Session{request: request, body: NewBody(request.Body), provider: NewBody(request.Provider)}
	s.provider.err = s.body.err
	return s
}

// Address of the resource: file.site["eu"].
func (s *Session) Address() string { return s.request.Address }

// Body of the resource or data block.
func (s *Session) Body() Body { return s.body }

// Provider is the config block of the provider block; empty without one.
func (s *Session) Provider() Body { return s.provider }

// Env is a granted variable of the environment, and whether it is set. In a guest
// os.Getenv knows it too.
func (s *Session) Env(name string) (string, bool) {
	value, ok := s.request.Env[name]
	return value, ok
}

// Writes reports whether the session applies; otherwise nothing in the world
// may be changed, and the host sees to it.
func (s *Session) Writes() bool { return s.request.Phase == abi.PhaseWrite }

// Warn shows a warning with the plan or with the result of the action.
func (s *Session) Warn(message string) { s.warnings = append(s.warnings, message) }

func (s *Session) takeWarnings() []string {
	w := s.warnings
	s.warnings = nil
	return w
}

func (s *Session) hostHashes() bool { return slices.Contains(s.request.Features, abi.FeatureSHA256) }

// SHA256 returns the digest of the data, computed by the host at native speed
// where it offers that.
func (s *Session) SHA256(data []byte) [sha256.Size]byte {
	if s.hostHashes() {
		if sum, ok := hostSum(data); ok {
			return sum
		}
	}
	return sha256.Sum256(data)
}

// SHA256Reader returns the digest and the number of all bytes of the reader,
// which it reads in pieces of the buffer's length.
func (s *Session) SHA256Reader(r io.Reader, buf []byte) (sum [sha256.Size]byte, size int64, err error) {
	digest := sha256.New()
	hosted := s.hostHashes() && hostReset()
	for {
		n, err := r.Read(buf)
		size += int64(n)
		if hosted {
			hostAdd(buf[:n])
		} else {
			digest.Write(buf[:n])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return sum, size, err
		}
	}
	if hosted {
		sum, _ = hostSum(nil)
		return sum, size, nil
	}
	return [sha256.Size]byte(digest.Sum(nil)), size, nil
}
