package lang

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
)

// policyFolder is the folder of a module's policies where it names none.
const policyFolder = "policy"

// foundPolicies takes the folder of policies that lies beside the module where the
// module says nothing of policies: rules that are there are asked. Who wants none
// writes paths = [].
func (p *parser) foundPolicies() {
	if p.module.policy.Range.Filename != "" {
		return
	}
	found := errors.New("found")
	err := filepath.WalkDir(filepath.Join(p.module.dir, policyFolder), func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(entry.Name(), ".rego") {
			return found
		}
		return err
	})
	// One that cannot be looked through is loaded too, which says why.
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.module.policy.Paths = []string{policyFolder}
	}
}
