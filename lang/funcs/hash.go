package funcs

import (
	"crypto/md5" //nolint:gosec // the author of a module asks for this sum by name
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the author of a module asks for this sum by name
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"

	"github.com/google/uuid"
	"github.com/zclconf/go-cty/cty/function"
	"golang.org/x/crypto/ssh"
)

// sums are the hash functions: by text, by file, in hexadecimal and base64.
func hashFunctions(files *fileReader) map[string]function.Function {
	toBase64 := base64.StdEncoding.EncodeToString
	out := map[string]function.Function{
		"rsadecrypt": textFunc(rsaDecrypt, "ciphertext", "privatekey"),
		"uuidv5":     textFunc(uuidV5, "namespace", "name"),
	}
	for _, sum := range []struct {
		text, file string
		make       func() hash.Hash
		encode     func([]byte) string
	}{
		{"md5", "filemd5", md5.New, hex.EncodeToString},
		{"sha1", "filesha1", sha1.New, hex.EncodeToString},
		{"sha256", "filesha256", sha256.New, hex.EncodeToString},
		{"sha512", "filesha512", sha512.New, hex.EncodeToString},
		{"base64sha256", "filebase64sha256", sha256.New, toBase64},
		{"base64sha512", "filebase64sha512", sha512.New, toBase64},
	} {
		out[sum.text] = textFunc(func(a []string) (string, error) {
			h := sum.make()
			_, _ = io.WriteString(h, a[0]) // a hash never fails to write
			return sum.encode(h.Sum(nil)), nil
		}, "str")
		out[sum.file] = textFunc(func(a []string) (string, error) {
			h := sum.make()
			if err := files.copy(h, a[0], maxHashedFile); err != nil {
				return "", err
			}
			return sum.encode(h.Sum(nil)), nil
		}, "path")
	}
	return out
}

func uuidV5(a []string) (string, error) {
	named := map[string]uuid.UUID{
		"dns": uuid.NameSpaceDNS, "url": uuid.NameSpaceURL, "oid": uuid.NameSpaceOID, "x500": uuid.NameSpaceX500,
	}
	space, ok := named[a[0]]
	if !ok {
		var err error
		if space, err = uuid.Parse(a[0]); err != nil {
			return "", function.NewArgErrorf(0, "uuidv5() doesn't support namespace %s: it is dns, url, oid, x500 or a UUID", clip(a[0]))
		}
	}
	return uuid.NewSHA1(space, []byte(a[1])).String(), nil
}

func rsaDecrypt(a []string) (string, error) {
	cipher, err := base64.StdEncoding.DecodeString(a[0])
	if err != nil {
		return "", function.NewArgErrorf(0, "the text to decrypt is not valid base64")
	}
	raw, err := ssh.ParseRawPrivateKey([]byte(a[1]))
	if err != nil {
		return "", function.NewArgErrorf(1, "the key is not a private key in PEM form without a passphrase")
	}
	key, ok := raw.(*rsa.PrivateKey)
	if !ok {
		return "", function.NewArgErrorf(1, "the key is not an RSA private key")
	}
	//nolint:staticcheck // the padding that Terraform's function of this name decrypts
	plain, err := rsa.DecryptPKCS1v15(nil, key, cipher)
	if err != nil {
		return "", function.NewArgErrorf(0, "the text cannot be decrypted with this key")
	}
	return string(plain), nil
}
