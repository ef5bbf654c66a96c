package funcs

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

func encodingFunctions(b *bounds.Budget) map[string]function.Function {
	fits := func(args []cty.Value) error { return b.Fits(b.TextSize(args[0])) }
	return map[string]function.Function{
		"base64decode":     textFunc(base64Decode, "str"),
		"base64encode":     textFunc(base64Encode, "str"),
		"base64gzip":       textFunc(base64Gzip, "str"),
		"csvdecode":        limited(stdlib.CSVDecodeFunc, csvInput(b)),
		"jsondecode":       decoder(b, "JSON", jsonInput, jsonDecode),
		"jsonencode":       limited(stdlib.JSONEncodeFunc, fits),
		"textdecodebase64": textFunc(textDecodeBase64, "source", "encoding"),
		"textencodebase64": textFunc(textEncodeBase64, "string", "encoding"),
		"urlencode":        textFunc(func(a []string) (string, error) { return url.QueryEscape(a[0]), nil }, "str"),
		"yamldecode":       decoder(b, "YAML", yamlInput, yamlDecode),
		"yamlencode":       limited(ctyyaml.YAMLEncodeFunc, fits),
	}
}

func base64Encode(a []string) (string, error) {
	return base64.StdEncoding.EncodeToString([]byte(a[0])), nil
}

func base64Decode(a []string) (string, error) {
	raw, err := decodeBase64(a[0])
	if err != nil {
		return "", err
	}
	if !utf8.Valid(raw) {
		return "", errors.New("the result of decoding the provided string is not valid UTF-8")
	}
	return string(raw), nil
}

func decodeBase64(s string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, function.NewArgErrorf(0, "the text is not valid base64: %s", err)
	}
	return raw, nil
}

func base64Gzip(a []string) (string, error) {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write([]byte(a[0])); err != nil {
		return "", fmt.Errorf("compress: %w", err)
	}
	// Terraform flushes too, and the bytes are to be the same.
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		return "", fmt.Errorf("compress: %w", err)
	}
	return base64.StdEncoding.EncodeToString(buf.Bytes()), nil
}

func characterSet(name string) (encoding.Encoding, error) {
	enc, err := ianaindex.IANA.Encoding(name)
	if err != nil || enc == nil {
		return nil, function.NewArgErrorf(1, "%q is not a supported IANA encoding name or alias, like UTF-16LE or ISO-8859-1", clip(name))
	}
	return enc, nil
}

func textEncodeBase64(a []string) (string, error) {
	enc, err := characterSet(a[1])
	if err != nil {
		return "", err
	}
	raw, err := enc.NewEncoder().String(a[0])
	if err != nil {
		return "", function.NewArgErrorf(0, "the string holds characters that %s cannot represent", a[1])
	}
	return base64.StdEncoding.EncodeToString([]byte(raw)), nil
}

func textDecodeBase64(a []string) (string, error) {
	enc, err := characterSet(a[1])
	if err != nil {
		return "", err
	}
	raw, err := decodeBase64(a[0])
	if err != nil {
		return "", err
	}
	out, err := enc.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return "", function.NewArgErrorf(0, "the bytes are not valid %s", a[1])
	}
	return string(out), nil
}

func csvInput(b *bounds.Budget) func([]cty.Value) error {
	return func(args []cty.Value) error {
		src := args[0].AsString()
		return b.Count(int64(strings.Count(src, ",")+strings.Count(src, "\n")), "CSV fields")
	}
}
