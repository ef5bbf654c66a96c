package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func (a *app) statePullCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "pull [address...]",
		Short:   "Print what is recorded, for push",
		Long:    "Print what is recorded of all resources, or of those named, as the JSON that push takes.",
		Example: "  cogplan state pull > backup.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.statePull(cmd.Context(), args)
		},
	}
}

func (a *app) statePull(ctx context.Context, addresses []string) error {
	store := reconcile.NewFileStore(moduleDir)
	if len(addresses) == 0 {
		return a.stateList(ctx, true)
	}
	doc := stateDocument{FormatVersion: render.FormatVersion, States: []reconcile.State{}}
	for _, address := range addresses {
		state, err := recordedState(ctx, store, address, -1)
		if err != nil {
			return err
		}
		doc.States = append(doc.States, *state)
	}
	return render.WriteJSON(a.out, doc)
}

func (a *app) statePushCommand() *cobra.Command {
	var flags stateFlags
	var force bool
	cmd := &cobra.Command{
		Use:   "push file|-",
		Short: "Record states from a file that pull wrote",
		Long: "Record the states in a file that pull wrote, or one state file. A state of another\n" +
			"lineage belongs to another history, and one with a lower serial is older than what is\n" +
			"recorded: both are refused without -force. What is stored gets the next serial. All\n" +
			"states of the file are checked before the first is stored.",
		Example: "  cogplan state push backup.json\n  cogplan state pull | cogplan -chdir elsewhere state push -",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the name of one file, or - for standard input", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			states, err := a.readStates(args[0])
			if err != nil {
				return fmt.Errorf("read %s: %w; cogplan state pull writes what push reads", args[0], err)
			}
			return a.changeState(cmd.Context(), &flags, func(ctx context.Context, store *reconcile.FileStore) error {
				return a.statePush(ctx, store, states, pushOptions{force: force, dryRun: flags.dryRun})
			})
		},
	}
	flags.add(cmd.Flags())
	cmd.Flags().BoolVar(&force, "force", false, "also where lineage or serial are against it")
	return cmd
}

// readStates reads what pull wrote, or one state as the store keeps it.
func (a *app) readStates(name string) ([]*reconcile.State, error) {
	in := a.proc.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // only read
		in = file
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	var doc struct {
		FormatVersion *string           `json:"format_version"`
		States        []json.RawMessage `json:"states"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("it is no JSON document: %w", err)
	}
	raw := []json.RawMessage{data}
	if doc.FormatVersion != nil {
		if *doc.FormatVersion != render.FormatVersion {
			return nil, fmt.Errorf("its format version is %q, and this program knows %q", *doc.FormatVersion, render.FormatVersion)
		}
		raw = doc.States
	}
	return decodeStates(raw)
}

func decodeStates(raw []json.RawMessage) ([]*reconcile.State, error) {
	seen := map[string]bool{}
	var states []*reconcile.State
	for i, text := range raw {
		state, err := reconcile.DecodeState(bytes.TrimSpace(text))
		if err == nil {
			err = checkPushed(state)
		}
		if err == nil && seen[state.ResourceType] {
			err = errors.New("it is there twice")
		}
		if err != nil {
			return nil, fmt.Errorf("state %d of %d: %w", i+1, len(raw), err)
		}
		seen[state.ResourceType] = true
		states = append(states, state)
	}
	if len(states) == 0 {
		return nil, errors.New("it holds no state")
	}
	return states, nil
}

// checkPushed refuses a state that no run would have recorded.
func checkPushed(state *reconcile.State) error {
	if err := checkAddress(state.ResourceType); err != nil {
		return errors.New(err.Error()) // it is no mistake on the command line
	}
	seen := map[string]bool{}
	for i := range state.Resources {
		r := &state.Resources[i]
		switch {
		case r.Address != reconcile.ObjectAddress(state.ResourceType, r.Type, r.Name):
			return fmt.Errorf("the object %q is none of %s", r.Address, state.ResourceType)
		case seen[r.Address]:
			return fmt.Errorf("the object %q is there twice", r.Address)
		case r.Mode != reconcile.ModeManaged && r.Mode != reconcile.ModeUnmanaged && r.Mode != reconcile.ModeData:
			return fmt.Errorf("the object %q has the unknown mode %q", r.Address, r.Mode)
		}
		seen[r.Address] = true
	}
	return nil
}

type pushOptions struct{ force, dryRun bool }

func (a *app) statePush(ctx context.Context, store *reconcile.FileStore, states []*reconcile.State, opts pushOptions) error {
	for _, state := range states {
		if err := pushable(ctx, store, state, opts.force); err != nil {
			return err
		}
	}
	for _, state := range states {
		what, err := "would be recorded", error(nil)
		if !opts.dryRun {
			what, err = push(ctx, store, state)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "%s (%s): %s\n", render.Escape(state.ResourceType), objectCount(len(state.Resources)), what)
	}
	return nil
}

// pushable says why a state must not take the place of what is recorded.
func pushable(ctx context.Context, store *reconcile.FileStore, state *reconcile.State, force bool) error {
	current, _, err := store.Load(ctx, state.ResourceType)
	switch {
	case err != nil || current == nil || force:
		return err
	case current.Lineage != state.Lineage:
		return fmt.Errorf("%s: the lineage is %s and that of what is recorded is %s: they belong to two histories; "+
			"nothing was recorded. If the exchange is meant, add -force", render.Escape(state.ResourceType), render.Escape(state.Lineage), current.Lineage)
	case current.Serial > state.Serial:
		return fmt.Errorf("%s: the serial is %d and that of what is recorded is %d: what would be recorded is older; "+
			"nothing was recorded. If going back is meant, add -force", render.Escape(state.ResourceType), state.Serial, current.Serial)
	case current.Serial == state.Serial && state.GeneratedAt != current.GeneratedAt:
		return fmt.Errorf("%s: it has the serial %d of what is recorded and was recorded at another time: the two went apart; "+
			"nothing was recorded. If the exchange is meant, add -force", render.Escape(state.ResourceType), state.Serial)
	}
	return nil
}

// push records a state over whatever is there.
func push(ctx context.Context, store *reconcile.FileStore, state *reconcile.State) (string, error) {
	current, token, err := store.Load(ctx, state.ResourceType)
	if err != nil {
		return "", err
	}
	if current != nil && current.Lineage == state.Lineage && sameObjects(current, state) {
		return "is recorded already", nil
	}
	next := *state
	switch {
	case current == nil:
		token = ""
	case current.Lineage != state.Lineage:
		if err := store.Remove(ctx, state.ResourceType, token); err != nil {
			return "", err
		}
		token = ""
	default:
		// The store goes on from what it has.
		next.Serial = current.Serial
	}
	if _, err := store.Save(ctx, state.ResourceType, &next, token); err != nil {
		return "", err
	}
	return fmt.Sprintf("recorded with serial %d", next.Serial), nil
}

func sameObjects(a, b *reconcile.State) bool {
	return reflect.DeepEqual(a.Metadata, b.Metadata) &&
		slices.EqualFunc(a.Resources, b.Resources, func(x, y reconcile.Resource) bool { return reflect.DeepEqual(x, y) })
}

func (a *app) stateHistoryCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "history address",
		Example: "  cogplan state history file.site",
		Short:   "List the states of a resource that are kept",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the address of one resource", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.stateHistory(cmd.Context(), args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// historyDocument is the JSON of state history.
type historyDocument struct {
	FormatVersion string                   `json:"format_version"`
	Address       string                   `json:"address"`
	Versions      []reconcile.StateVersion `json:"versions"`
}

func (a *app) stateHistory(ctx context.Context, address string, asJSON bool) error {
	versions, err := reconcile.NewFileStore(moduleDir).History(ctx, address)
	switch {
	case err != nil:
		return err
	case len(versions) == 0:
		return unrecorded(address)
	case asJSON:
		return render.WriteJSON(a.out, historyDocument{render.FormatVersion, address, versions})
	}
	for _, v := range versions {
		fmt.Fprintf(a.out, "serial %d  %s  %s  lineage %s\n", v.Serial, render.Escape(v.GeneratedAt), objectCount(v.Objects), render.Escape(v.Lineage))
	}
	return nil
}

func (a *app) stateUnlockCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "unlock",
		Example: "  cogplan state unlock\n  cogplan state unlock -force",
		Short:   "Say who holds the lock, and how it ends; or take it away",
		Long: "Say who holds the lock of the state. The lock of a state in files is the kernel's: it\n" +
			"ends with the process that holds it, however that ends, and nothing is ever left to\n" +
			"unlock. Exit code 1 says that somebody holds it.\n\n" +
			"A process that stands still keeps its lock. Where it cannot be ended, -force takes all\n" +
			"locks of the state away. Whatever their holders write from then on, also when they go\n" +
			"on again, is refused. What they have under way in the world is not stopped.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.stateUnlock(cmd.Context(), force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "take the lock away from whoever holds it")
	return cmd
}

func (a *app) stateUnlock(ctx context.Context, force bool) error {
	store := reconcile.NewFileStore(moduleDir)
	holders, err := store.Holders(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("look for a lock: %w", err)
	case len(holders) == 0:
		fmt.Fprintln(a.out, "Nobody holds a lock.")
		return nil
	case !force:
		return &reconcile.LockedError{Info: holders[0], Remedy: "the lock ends with that process: wait for it, or end it there; " +
			"where it stands still and cannot be ended, cogplan state unlock -force takes the lock away"}
	}
	if err := store.Unlock(ctx, holders[0]); err != nil {
		return fmt.Errorf("take the lock away: %w", err)
	}
	for _, holder := range holders {
		locked := &reconcile.LockedError{Info: holder}
		fmt.Fprintf(a.out, "Taken away: %s.\n", render.Escape(locked.Error()))
	}
	fmt.Fprintln(a.out, "What that run still writes is refused, so that it overwrites nothing. What it has under way in the\n"+
		"world is not stopped: the next plan shows what is there, and the next apply records it.")
	return nil
}
