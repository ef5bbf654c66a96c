package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// dataName is what a file of data is called, as in OPA's bundles: what it holds
// stands below data, at the path of its folder.
const dataName = "data.json"

// dataAt is where the data of a folder stands.
func dataAt(folder string) []string {
	folder = strings.Trim(path.Clean(folder), "/")
	if folder == "." || folder == "" {
		return []string{}
	}
	return strings.Split(folder, "/")
}

// mergeData joins data files into what stands below data, and says what is wrong
// with them: no JSON object, a key twice, two files that say the same, or data
// where policies are.
func mergeData(files []DataFile, packages []string) (map[string]any, []Mistake) {
	merged := map[string]any{}
	var mistakes []Mistake
	for _, f := range files {
		value, err := readObject(f.Text)
		if err != nil {
			mistakes = append(mistakes, Mistake{File: f.Name, Problem: "data is one JSON object: " + err.Error()})
			continue
		}
		for _, key := range slices.Backward(f.At) {
			value = map[string]any{key: value}
		}
		if clash := join(merged, value, "data"); clash != "" {
			mistakes = append(mistakes, Mistake{File: f.Name, Problem: clash + " stands in two data files", Remedy: "keep one of them"})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(merged)) {
		if slices.ContainsFunc(packages, func(p string) bool { first, _, _ := strings.Cut(p, "."); return strings.EqualFold(first, key) }) {
			mistakes = append(mistakes, Mistake{
				File: files[0].Name, Problem: fmt.Sprintf("data.%s is a package of policies, and data would hide it", key), Remedy: "give the data another name",
			})
		}
	}
	return merged, mistakes
}

// readObject reads one JSON object. Numbers keep their digits.
func readObject(text string) (map[string]any, error) {
	var value map[string]any
	if err := readExactly([]byte(text), &value); err != nil {
		return nil, err
	}
	if value == nil {
		return nil, errors.New("this is null")
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	value = nil
	return value, decoder.Decode(&value)
}

// join puts one tree into another; what both have is returned.
func join(into, from map[string]any, at string) string {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		present, both := into[key]
		if !both {
			into[key] = from[key]
			continue
		}
		left, isLeft := present.(map[string]any)
		right, isRight := from[key].(map[string]any)
		if !isLeft || !isRight {
			return at + "." + key
		}
		if clash := join(left, right, at+"."+key); clash != "" {
			return clash
		}
	}
	return ""
}

// data reads the data files, once the policies are known.
func (l *loader) data(s *sources, sets ...*moduleSet) {
	packages := []string{"cogplan", planPackage}
	for _, set := range sets {
		for _, module := range set.modules {
			packages = append(packages, packageName(module.Package))
		}
	}
	merged, mistakes := mergeData(s.data, packages)
	l.merged = merged
	l.mistakes = append(l.mistakes, mistakes...)
}

// holds reports whether data has what the constant beginning of a reference
// names.
func holds(data map[string]any, ref ast.Ref) bool {
	var value any = data
	for _, term := range ref[1:] {
		key, constant := term.Value.(ast.String)
		object, isObject := value.(map[string]any)
		if !constant || !isObject {
			return true // an element of a list, or one that is looked up
		}
		next, ok := object[string(key)]
		if !ok {
			return false
		}
		value = next
	}
	return true
}

// withData is what policies read: the parameters of rules, and the data.
func withData(parameters, data map[string]any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, data)
	all["cogplan"] = map[string]any{"parameters": parameters}
	return all
}
