package abi

import (
	"bytes"
	"encoding/hex"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

func specification(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The worked example of the specification is what the encoder writes.
func TestSpecificationExample(t *testing.T) {
	describe := &DescribeRequest{Host: "cogplan 0.1.0", Features: []string{FeatureSHA256}}
	described := &DescribeAnswer{
		Description: reconcile.Description{Name: "dns", Version: "1.0.0", Schema: reconcile.Schema{
			Version:  1,
			Resource: reconcile.Block{Attributes: []reconcile.Attribute{{Name: "zone", Type: `"string"`, Required: true}}},
			Objects:  []reconcile.ObjectType{{Name: "record", Attributes: []reconcile.ObjectAttribute{{Name: "ttl"}}}},
		}},
		Abilities: []Ability{AbilityEffects},
	}
	failure := &Error{Kind: KindConfig, Message: "no such zone", Path: []any{"zone"}}
	want := []interface {
		Append(b []byte) ([]byte, error)
	}{describe, described, failure}
	blocks := regexp.MustCompile("(?s)```hex\n(.*?)```").FindAllStringSubmatch(specification(t), -1)
	if len(blocks) != len(want) {
		t.Fatalf("%d hex blocks", len(blocks))
	}
	for i, m := range want {
		data, err := hex.DecodeString(strings.Join(strings.Fields(blocks[i][1]), ""))
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, encoded) {
			t.Errorf("block %d is not what is written: % x", i, encoded)
		}
	}
}

// Whatever the codec knows by name stands in the specification.
func TestSpecificationNamesEverything(t *testing.T) {
	text := specification(t)
	var names []string
	for _, list := range [][]string{
		objectKeys, actionKeys, effectKeys, errorKeys, openKeys, knownKeys, batchKeys, planKeys, planActionKeys,
		summaryKeys, stateKeys, stateRequestKeys, applyAnswerKeys, findRequestKeys, findAnswerKeys, exportKeys,
		statusKeys, describeKeys, descriptionKeys, capabilityKeys, capabilityKinds, schemaKeys, blockKeys,
		attributeKeys, nestedKeys, objectTypeKeys, objectFieldKeys, nestings, syncs, healths, operations,
		fileStatKeys, fileInfosKeys, fileInfoKeys, fileKinds, fileChmodKeys, fileChmodAnswerKeys,
		effectsRequestKeys, effectsAnswerKeys,
		httpStartKeys, httpStartAnswerKeys, httpWaitKeys, httpWaitAnswerKeys, httpHeadKeys, httpFaults,
		tcpConnectKeys, tcpConnectAnswerKeys, tcpStateKeys, tcpPhases,
		{ExportMemory, ExportInitialize, ExportVersion, ExportCall, ImportTake, ImportReply, ImportLog, ImportHostCall, ImportModule},
		{string(KindError), string(KindTemporary), string(KindConfig), string(KindStale), string(KindUnsupported)},
		{string(AbilityEffects), string(AbilityHealth), string(AbilityFind), string(AbilityExport)},
		{FeatureSHA256, FeatureFiles, FeatureHTTP, FeatureTCP, string(KindResource), string(KindData), string(PhaseRead), string(PhaseWrite)},
	} {
		names = append(names, list...)
	}
	for _, name := range names {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the specification does not name %q", name)
		}
	}
	for op := OpDescribe; op <= OpExport; op++ {
		if row := "| " + strconv.Itoa(int(op)) + " | `" + op.String() + "` |"; !strings.Contains(text, row) {
			t.Errorf("the specification has no row %q", row)
		}
	}
	for e := HostNotYet; e < 0; e++ {
		if !strings.Contains(text, strconv.Itoa(int(e))+" ") {
			t.Errorf("the specification does not name the refusal %d", e)
		}
	}
	limits := DefaultLimits()
	for _, number := range []string{"more than " + strconv.Itoa(limits.Depth) + " deep", "1,048,576 values", "64 MiB", "more than 1,000 objects", "at most " + strconv.Itoa(MaxValueDepth) + " deep"} {
		if !strings.Contains(text, number) {
			t.Errorf("the specification does not say %q", number)
		}
	}
	if limits.Values != 1_048_576 || limits.Bytes != 64<<20 || MaxBatch != 1000 {
		t.Error("the limits are not those of the specification")
	}
}
