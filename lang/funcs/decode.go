package funcs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"go.yaml.in/yaml/v3"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// maxDepth is how deep decoded JSON and YAML may nest.
const maxDepth = 256

// maxYAML is the largest YAML source, in bytes: YAML takes far more work for a
// byte than JSON.
const maxYAML = 4 << 20

// decoder is a function from source text to a value of any type. The source is
// checked before it is decoded, the value after.
func decoder(
	b *bounds.Budget, name string,
	check func(*bounds.Budget, []byte) error, decode func([]byte) (cty.Value, error),
) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("src", cty.String)},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			src := []byte(args[0].AsString())
			if err := check(b, src); err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "invalid %s: %s", name, err)
			}
			v, err := decode(src)
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "invalid %s: %s", name, err)
			}
			return v, b.Check(v)
		},
	})
}

func jsonDecode(src []byte) (cty.Value, error) {
	ty, err := ctyjson.ImpliedType(src)
	if err != nil {
		return cty.NilVal, err
	}
	return ctyjson.Unmarshal(src, ty)
}

// jsonInput counts values and depth without building anything.
func jsonInput(b *bounds.Budget, src []byte) error {
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	var depth, values int64
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return nil //nolint:nilerr // decoding says where the mistake is
		}
		values++
		if delim, ok := tok.(json.Delim); ok {
			if delim == '[' || delim == '{' {
				depth++
			} else {
				depth--
			}
		}
		if num, ok := tok.(json.Number); ok && len(num) > maxDigits {
			return fmt.Errorf("a number of %d digits is longer than the limit of %d", len(num), maxDigits)
		}
		if depth > maxDepth {
			return fmt.Errorf("it nests deeper than %d levels", maxDepth)
		}
		if err := b.Count(values, "values"); err != nil {
			return err
		}
	}
}

func yamlDecode(src []byte) (cty.Value, error) {
	ty, err := ctyyaml.Standard.ImpliedType(src)
	if err != nil {
		return cty.NilVal, err
	}
	return ctyyaml.Standard.Unmarshal(src, ty)
}

// yamlInput parses the source to nodes, which costs memory by its length alone,
// and counts what decoding would make of them with every alias expanded.
func yamlInput(b *bounds.Budget, src []byte) error {
	if len(src) > maxYAML {
		return fmt.Errorf("%s are more than the limit of %s", bounds.Size(int64(len(src))), bounds.Size(maxYAML))
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	c := yamlCounter{most: b.Limits().Items, seen: map[*yaml.Node]extent{}}
	whole, err := c.measure(&doc, 0)
	if err != nil {
		return err
	}
	return b.Count(whole.values, "values (aliases expanded)")
}

// extent is how much hangs below a node, aliases expanded.
type extent struct {
	values int64
	height int
}

// yamlCounter measures what hangs below a node; each node is measured once and
// remembered, so that aliases of aliases cost nothing.
type yamlCounter struct {
	most int64
	seen map[*yaml.Node]extent
}

func (c *yamlCounter) measure(n *yaml.Node, depth int) (extent, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	known, ok := c.seen[n]
	if depth+known.height > maxDepth {
		return extent{}, fmt.Errorf("it nests deeper than %d levels", maxDepth)
	}
	if ok {
		return known, nil
	}
	if len(n.Value) > maxDigits && (n.Tag == "!!int" || n.Tag == "!!float") {
		return extent{}, fmt.Errorf("a number of %d digits is longer than the limit of %d", len(n.Value), maxDigits)
	}
	total := extent{values: 1}
	for _, child := range n.Content {
		below, err := c.measure(child, depth+1)
		if err != nil {
			return extent{}, err
		}
		total.values = min(total.values+below.values, c.most+1)
		total.height = max(total.height, below.height+1)
	}
	c.seen[n] = total
	return total, nil
}
