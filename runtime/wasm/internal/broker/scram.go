package broker

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// scram proves to a server that we know a password, without telling it, and has
// the server prove that it knows it too: SCRAM-SHA-256 of RFC 5802 and 7677.
type scram struct {
	password string
	nonce    string
	firstOwn string
	key      []byte // of the server
	said     string // what both have signed
	verified bool
}

// The rounds that a server may ask for: fewer would make the proof easy to guess
// from, more would keep the host busy.
const (
	minRounds = 4096
	maxRounds = 1_000_000
)

func newScram(password string) (*scram, error) {
	for _, r := range password {
		if r < ' ' || r > '~' {
			return nil, errors.New("the password has characters beyond ASCII, which two programs may write in two ways")
		}
	}
	s := &scram{password: password, nonce: rand.Text()}
	s.firstOwn = "n=,r=" + s.nonce
	return s, nil
}

func (s *scram) first() string { return "n,," + s.firstOwn }

// final answers the server's first message.
func (s *scram) final(server string) (string, error) {
	fields := strings.Split(server, ",")
	if len(fields) != 3 {
		return "", errors.New("the server's SCRAM cannot be read")
	}
	nonce, okNonce := strings.CutPrefix(fields[0], "r=")
	salt64, okSalt := strings.CutPrefix(fields[1], "s=")
	rounds, okRounds := strings.CutPrefix(fields[2], "i=")
	salt, err := base64.StdEncoding.DecodeString(salt64)
	n, errRounds := strconv.Atoi(rounds)
	if !okNonce || !okSalt || !okRounds || err != nil || errRounds != nil || !strings.HasPrefix(nonce, s.nonce) || len(nonce) == len(s.nonce) {
		return "", errors.New("the server's SCRAM cannot be read")
	}
	if n < minRounds || n > maxRounds {
		return "", errors.New("the server wants " + rounds + " rounds of SCRAM, and " +
			strconv.Itoa(minRounds) + " to " + strconv.Itoa(maxRounds) + " are reasonable")
	}
	salted, err := pbkdf2.Key(sha256.New, s.password, salt, n, sha256.Size)
	if err != nil {
		return "", err
	}
	own := "c=biws,r=" + nonce
	s.said = s.firstOwn + "," + server + "," + own
	client := mac(salted, "Client Key")
	s.key = mac(salted, "Server Key")
	stored := sha256.Sum256(client)
	proof := mac(stored[:], s.said)
	subtle.XORBytes(proof, proof, client)
	return own + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

// verify holds the server to knowing the password too.
func (s *scram) verify(server string) error {
	text, ok := strings.CutPrefix(server, "v=")
	signature, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || s.key == nil || !hmac.Equal(signature, mac(s.key, s.said)) {
		return errors.New("the server does not know the password itself: it is another one than it says")
	}
	s.verified = true
	return nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
