package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/lockfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/recording"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// writeRecording keeps what the plan rests on, also where none could be made:
// that is when somebody else has to look at it.
func (r *run) writeRecording(dir string, proposal *reconcile.Proposal) error {
	s := r.session
	if s.module == nil || s.eval == nil {
		return errors.New("nothing is recorded: the module could not be read as far as to its providers")
	}
	if secret := r.recorder.Secret(); len(secret) > 0 {
		return fmt.Errorf("nothing is recorded: the provider was told something sensitive for %s, and a recording holds no secret; "+
			"leave it out with -exclude", render.Escape(strings.Join(secret, ", ")))
	}
	files, err := s.recordedFiles()
	if err != nil {
		return err
	}
	head := recording.Head{
		CogplanVersion: version, Run: r.runContext(), Destroy: r.destroy,
		Targets: r.flags.selection.Targets, Excludes: r.flags.selection.Excludes, Replace: r.flags.selection.Replace,
	}
	if proposal != nil {
		head.Digest = proposal.Digest()
	}
	variables := map[string]any{}
	for _, input := range s.eval.Inputs() {
		if input.Sensitive {
			head.Sensitive = append(head.Sensitive, input.Name)
			continue
		}
		variables[input.Name] = input.Value
	}
	slices.Sort(head.Sensitive)
	return r.recorder.Write(dir, head, variables, files)
}

// recordedFiles are the files that a replay reads: those of the module, what its
// functions read, policies, providers, the lock file, and what is recorded.
func (s *session) recordedFiles() ([]string, error) {
	names := slices.Collect(maps.Keys(s.digests))
	names = append(names, s.filesOfFunctions(names)...)
	for _, block := range s.module.Providers() {
		if isPath(block.Source) {
			names = append(names, block.Source)
		}
	}
	policies := slices.Clone(s.module.Policy().Paths)
	if key := s.module.Policy().Key; key != "" {
		policies = append(policies, key)
	}
	for _, name := range append(policies, "policy", lockfile.Name, ".cog") {
		below, err := filesBelow(name)
		if err != nil {
			return nil, err
		}
		names = append(names, below...)
	}
	for i := range names {
		names[i] = filepath.Clean(names[i])
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// filesOfFunctions are the files that functions read. A name is as it was written,
// and starts at the folder of the module that wrote it.
func (s *session) filesOfFunctions(sources []string) []string {
	folders := map[string]bool{moduleDir: true}
	for _, source := range sources {
		folders[filepath.Dir(source)] = true
	}
	var names []string
	for _, name := range s.eval.FilesRead() {
		for folder := range folders {
			at := name
			if !filepath.IsAbs(name) {
				at = filepath.Join(folder, name)
			}
			if below, err := filesBelow(at); err == nil {
				names = append(names, below...)
			}
		}
	}
	return names
}

// filesBelow are the regular files at or below a path; none where nothing is. Of
// what cogplan keeps itself the keys and locks stay where they are.
func filesBelow(name string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.Type().IsRegular() && path != filepath.Join(".cog", "key") && path != filepath.Join(".cog", "lock"):
			names = append(names, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", name, err)
	}
	return names, nil
}

func (a *app) replayCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "replay folder",
		Short: "Make a plan again from a recording, without the world",
		Long: "Make a plan again that `cogplan plan -record` recorded: from the module, the records\n" +
			"and the answers of the providers in the folder. No provider is run but to describe\n" +
			"itself, nothing of the world is read, and the time is that of the recording. It says\n" +
			"whether the plan is the one that was recorded; to try another policy, change it in\n" +
			"the folder. Sensitive variables are not in a recording: set them with -var.",
		Example: "  cogplan plan -record bug\n  cogplan replay bug",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the folder of one recording", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.replay(cmd.Context(), &flags, args[0]) },
	}
	flags.add(cmd.Flags())
	flags.addEffects(cmd.Flags())
	return cmd
}

func (a *app) replay(ctx context.Context, flags *runFlags, dir string) error {
	if err := flags.check(); err != nil {
		return err
	}
	recorded, err := recording.Read(dir)
	if err != nil {
		return err
	}
	for _, name := range recorded.Head.Sensitive {
		if !slices.ContainsFunc(flags.inputs.variables, func(v lang.VariableArg) bool { return v.Name == name || v.File != "" }) {
			return usagef("the variable %s is sensitive and not in the recording; set it with -var %s=…", name, name)
		}
	}
	if err := a.enter(recorded); err != nil {
		return err
	}
	flags.inputs.variables = append([]lang.VariableArg{{File: recorded.Variables()}}, flags.inputs.variables...)
	flags.inputs.noInput = true
	head := &recorded.Head
	flags.selection.Targets, flags.selection.Excludes, flags.selection.Replace = head.Targets, head.Excludes, head.Replace
	r := a.newRun("plan", flags)
	defer r.close()
	r.destroy, r.replayed = head.Destroy, recorded
	proposal, o, err := r.look(ctx)
	if err != nil {
		return err
	}
	if o == outcomeNoChanges && len(r.undeclared)+len(r.records) > 0 {
		o = outcomeChanges
	}
	r.next = r.nextAfterPlan(proposal, "")
	if flags.output.json {
		return r.endJSON(o, proposal, nil)
	}
	r.showPlan(proposal)
	a.compareWithRecording(head, proposal)
	return end(o, false)
}

// enter goes where the recording is: its folder, its time, and nothing of this
// environment that a plan could rest on.
func (a *app) enter(recorded *recording.Recording) error {
	at, err := time.Parse(time.RFC3339, recorded.Head.Run.Time)
	if err != nil {
		return fmt.Errorf("the time of the recording is damaged: %w", err)
	}
	if err := os.Chdir(filepath.Join(recorded.Dir, recording.ModuleDir)); err != nil {
		return fmt.Errorf("enter the recording: %w", err)
	}
	a.proc.now = func() time.Time { return at }
	environ := map[string]string{}
	for _, name := range []string{"COGPLAN_CACHE_DIR", "COGPLAN_LOG", "HOME", "XDG_CACHE_HOME", "TERM", "NO_COLOR", "LocalAppData"} {
		if value, ok := a.proc.environ[name]; ok {
			environ[name] = value
		}
	}
	a.proc.environ = environ
	return nil
}

func (a *app) compareWithRecording(head *recording.Head, proposal *reconcile.Proposal) {
	digest := ""
	if proposal != nil {
		digest = proposal.Digest()
	}
	switch {
	case head.CogplanVersion != version:
		fmt.Fprintf(a.proc.stderr, "cogplan %s made the recording, and this is %s.\n", render.Escape(head.CogplanVersion), version)
	case head.Digest == "" && digest == "":
		fmt.Fprintln(a.proc.stderr, "Replayed: there is no plan, as when it was recorded.")
		return
	}
	if head.Digest == digest {
		fmt.Fprintln(a.proc.stderr, "Replayed: this is the plan that was recorded.")
		return
	}
	fmt.Fprintln(a.proc.stderr, a.errStyle().Strong("This is not the plan that was recorded")+
		": the folder was changed, or another cogplan plans otherwise.")
}
