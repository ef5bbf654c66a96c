package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/runtime/wasm"
)

const (
	// maxSecret is the longest secret that is read, in bytes.
	maxSecret = 16 << 10
	// secretTime is how long a command may take to print a secret.
	secretTime = 30 * time.Second
)

// credential reads the secret of a credential block. The runtime asks when the
// first provider runs whose grant names it, and never before. No message holds
// anything of the secret, nor of what a command printed.
func (s *session) credential(ctx context.Context, name string) (wasm.Credential, error) {
	blocks := s.module.Credentials()
	i := slices.IndexFunc(blocks, func(c lang.CredentialConfig) bool { return c.Name == name })
	if i < 0 {
		return wasm.Credential{}, errors.New("the module has no credential block of that name")
	}
	block := &blocks[i]
	c := wasm.Credential{Kind: wasm.CredentialKind(block.Kind), Name: block.Field, Username: block.Username}
	var err error
	if c.Secret, err = readSecret(ctx, block, s.app.proc.environ); err == nil && block.Certificate != "" {
		c.Certificate, err = certificate(block.Certificate, c.Secret)
	}
	if err != nil {
		return wasm.Credential{}, fmt.Errorf("%w (%s:%d)", err, block.Range.Filename, block.Range.Start.Line)
	}
	return c, nil
}

// certificate reads a certificate, and those that vouch for it, and puts them to
// the key. What is wrong with the key is not told in the words of its reader.
func certificate(path, key string) (*tls.Certificate, error) {
	text, err := secretFile(path)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s: %w", path, err)
	}
	pair, err := tls.X509KeyPair([]byte(text), []byte(key))
	switch {
	case err == nil:
		return &pair, nil
	case !strings.Contains(text, "-----BEGIN CERTIFICATE-----"):
		return nil, fmt.Errorf("the certificate %s: it holds no certificate in PEM", path)
	default:
		return nil, fmt.Errorf("the certificate %s and its secret do not belong together: the secret has to be its private key, in PEM and not encrypted", path)
	}
}

func readSecret(ctx context.Context, block *lang.CredentialConfig, environ map[string]string) (string, error) {
	var secret, source string
	var err error
	switch {
	case block.Env != "":
		source = "the environment variable " + block.Env
		if secret = environ[block.Env]; secret == "" {
			return "", fmt.Errorf("%s is not set; set it to the secret", source)
		}
	case block.File != "":
		source = "the file " + block.File
		secret, err = secretFile(block.File)
	default:
		source = "the command " + block.Command[0]
		secret, err = secretOf(ctx, block.Command)
	}
	if err != nil {
		return "", fmt.Errorf("%s gives no secret: %w", source, err)
	}
	if block.Certificate != "" {
		return cleanKey(secret, source)
	}
	return cleanSecret(secret, source)
}

// cleanKey refuses what is no key, which has several lines.
func cleanKey(secret, source string) (string, error) {
	if len(secret) > maxSecret {
		return "", fmt.Errorf("%s gives a key of more than %d KiB", source, maxSecret>>10)
	}
	if !strings.Contains(secret, "PRIVATE KEY-----") {
		return "", fmt.Errorf("%s gives no private key in PEM", source)
	}
	return secret, nil
}

// cleanSecret takes the line end off that files and commands have, and refuses
// what no header can carry.
func cleanSecret(secret, source string) (string, error) {
	secret = strings.TrimSuffix(strings.TrimSuffix(secret, "\n"), "\r")
	switch {
	case secret == "":
		return "", fmt.Errorf("%s gives an empty secret", source)
	case len(secret) > maxSecret:
		return "", fmt.Errorf("%s gives a secret of more than %d KiB", source, maxSecret>>10)
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f || r > 0x7e }):
		return "", fmt.Errorf("%s gives a secret of several lines, or with characters that no request can carry", source)
	}
	return secret, nil
}

func secretFile(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(moduleDir, path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", reasonOf(err)
	case !info.Mode().IsRegular():
		return "", errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", reasonOf(err)
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+3))
	return string(data), err
}

// reasonOf is the cause without the path, which the caller says as it was
// written.
func reasonOf(err error) error {
	if pathError, ok := errors.AsType[*os.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// secretOf runs the user's own program, without a shell and without input.
func secretOf(ctx context.Context, command []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, secretTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = moduleDir
	cmd.WaitDelay = time.Second
	out := &limitedText{}
	cmd.Stdout = out
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", fmt.Errorf("it did not end within %s", secretTime)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("it ended with %s", exit.ProcessState)
	}
	return out.text.String(), err
}

// limitedText keeps the beginning of what is written to it.
type limitedText struct{ text strings.Builder }

// Write takes everything and keeps what is within the limit of a secret.
func (l *limitedText) Write(data []byte) (int, error) {
	room := maxSecret + 3 - l.text.Len()
	l.text.Write(data[:min(len(data), max(room, 0))])
	return len(data), nil
}
