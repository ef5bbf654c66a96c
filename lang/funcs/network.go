package funcs

import (
	"fmt"
	"math/big"
	"net/netip"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/gocty"
)

func networkFunctions() map[string]function.Function {
	return map[string]function.Function{
		"cidrhost":    cidrFunc(cidrHost, "hostnum"),
		"cidrnetmask": textFunc(cidrNetmask, "prefix"),
		"cidrsubnet":  cidrFunc(cidrSubnet, "newbits", "netnum"),
		"cidrsubnets": cidrSubnetsFunc(),
	}
}

// cidrFunc is a function of a prefix and whole numbers.
func cidrFunc(impl func(p netip.Prefix, nums []*big.Int) (string, error), names ...string) function.Function {
	params := []function.Parameter{param("prefix", cty.String)}
	for _, name := range names {
		params = append(params, param(name, cty.Number))
	}
	return function.New(&function.Spec{
		Params:       params,
		Type:         function.StaticReturnType(cty.String),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			prefix, err := parsePrefix(args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			nums := make([]*big.Int, len(names))
			for i := range names {
				if err := gocty.FromCtyValue(args[i+1], &nums[i]); err != nil {
					return cty.NilVal, function.NewArgErrorf(i+1, "a whole number is required")
				}
			}
			s, err := impl(prefix, nums)
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(s), nil
		},
	})
}

func parsePrefix(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(plainOctets(s))
	if err != nil {
		return prefix, function.NewArgErrorf(0, "invalid CIDR expression: %q is not an address prefix like 10.0.0.0/8 or fd00::/48", clip(s))
	}
	return prefix.Masked(), nil
}

// plainOctets takes leading zeros off the decimal parts of an IPv4 address, as
// Terraform does: 010.1.0.0/16 is 10.1.0.0/16.
func plainOctets(s string) string {
	addr, bits, ok := strings.Cut(s, "/")
	if !ok || strings.Contains(addr, ":") {
		return s
	}
	parts := strings.Split(addr, ".")
	for i, part := range parts {
		if trimmed := strings.TrimLeft(part, "0"); trimmed != part {
			parts[i] = trimmed
			if trimmed == "" {
				parts[i] = "0"
			}
		}
	}
	return strings.Join(parts, ".") + "/" + bits
}

func cidrHost(p netip.Prefix, nums []*big.Int) (string, error) {
	hostBits := p.Addr().BitLen() - p.Bits()
	room := new(big.Int).Lsh(big.NewInt(1), uint(hostBits))
	num := nums[0]
	if num.Sign() < 0 {
		num = new(big.Int).Add(room, num)
	}
	if num.Sign() < 0 || num.Cmp(room) >= 0 {
		return "", function.NewArgErrorf(1, "prefix of %d does not accommodate a host numbered %s", p.Bits(), clip(nums[0].String()))
	}
	return offset(p.Addr(), num).String(), nil
}

// offset is the address that lies n addresses after addr.
func offset(addr netip.Addr, n *big.Int) netip.Addr {
	sum := new(big.Int).SetBytes(addr.AsSlice())
	sum.Add(sum, n)
	out, _ := netip.AddrFromSlice(sum.FillBytes(make([]byte, addr.BitLen()/8)))
	return out
}

func cidrNetmask(a []string) (string, error) {
	p, err := parsePrefix(a[0])
	if err != nil {
		return "", err
	}
	if !p.Addr().Is4() {
		return "", function.NewArgErrorf(0, "IPv6 addresses cannot have a netmask: %s", a[0])
	}
	mask := ^uint32(0) << (32 - p.Bits())
	return netip.AddrFrom4([4]byte{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)}).String(), nil
}

func cidrSubnet(p netip.Prefix, nums []*big.Int) (string, error) {
	newBits, num := nums[0], nums[1]
	free := p.Addr().BitLen() - p.Bits()
	if newBits.Sign() < 0 {
		return "", function.NewArgErrorf(1, "must not be negative")
	}
	if newBits.Cmp(big.NewInt(int64(free))) > 0 {
		return "", function.NewArgErrorf(1, "insufficient address space to extend prefix of %d by %s", p.Bits(), clip(newBits.String()))
	}
	extend := uint(newBits.Uint64())
	if num.Sign() < 0 || uint(num.BitLen()) > extend {
		return "", function.NewArgErrorf(2, "prefix extension of %d does not accommodate a subnet numbered %s", extend, clip(num.String()))
	}
	at := offset(p.Addr(), new(big.Int).Lsh(num, uint(free)-extend))
	return netip.PrefixFrom(at, p.Bits()+int(extend)).String(), nil
}

func cidrSubnetsFunc() function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{param("prefix", cty.String)},
		VarParam:     &function.Parameter{Name: "newbits", Type: cty.Number},
		Type:         function.StaticReturnType(cty.List(cty.String)),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := parsePrefix(args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			return cidrSubnets(p, args[1:])
		},
	})
}

// cidrSubnets lays subnets one after the other, each at the next place that its
// size allows.
func cidrSubnets(p netip.Prefix, newBits []cty.Value) (cty.Value, error) {
	width := p.Addr().BitLen()
	end := new(big.Int).Lsh(big.NewInt(1), uint(width-p.Bits()))
	next := new(big.Int)
	var out []cty.Value
	for i, val := range newBits {
		var extend int
		if err := gocty.FromCtyValue(val, &extend); err != nil {
			return cty.NilVal, function.NewArgErrorf(i+1, "a whole number is required")
		}
		if extend < 1 {
			return cty.NilVal, function.NewArgErrorf(i+1, "must extend prefix by at least one bit")
		}
		bits := p.Bits() + extend
		if bits < 0 || bits > width {
			return cty.NilVal, function.NewArgErrorf(i+1, "would extend prefix to %d bits, which is too long for an IP%s address", bits, family(p))
		}
		size := new(big.Int).Lsh(big.NewInt(1), uint(width-bits))
		next.Add(next, size).Sub(next, big.NewInt(1)).AndNot(next, new(big.Int).Sub(size, big.NewInt(1)))
		if new(big.Int).Add(next, size).Cmp(end) > 0 {
			return cty.NilVal, function.NewArgErrorf(i+1, "not enough remaining address space for a subnet with a prefix of %d bits after %s", bits, after(out, p))
		}
		out = append(out, cty.StringVal(netip.PrefixFrom(offset(p.Addr(), next), bits).String()))
		next.Add(next, size)
	}
	return listOf(out, cty.String), nil
}

func after(done []cty.Value, p netip.Prefix) string {
	if len(done) == 0 {
		return fmt.Sprintf("the start of %s", p)
	}
	return done[len(done)-1].AsString()
}

func family(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "v4"
	}
	return "v6"
}
