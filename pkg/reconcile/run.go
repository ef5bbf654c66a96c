package reconcile

import "context"

// RunMeta reconciles all declared resources in order, one at a time, with the
// global registry, states below root, and [PruneGate]. One at a time, because
// the programs that call it were promised an order and no concurrency; an
// [Engine] is faster.
func RunMeta(root string, cfg *MetaConfig, opts MetaOpts) ([]MetaResult, error) {
	engine := NewEngine(root, PruneGate{}, WithParallelism(1))
	return engine.Run(context.Background(), cfg, opts) //nolint:forbidigo // the documented signature has no context
}
