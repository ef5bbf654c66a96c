package funcs

// LeftOut says, for each function that Terraform has and cogplan leaves out,
// why, as the detail of a diagnostic. The map is the caller's own.
func LeftOut() map[string]string {
	const (
		clock  = "Nothing in a module reads the clock, so that the same module always gives the same plan."
		random = "Its result is different each time, so no second plan would be empty."
	)
	return map[string]string{
		"bcrypt":          random + " Hash outside of the module and pass the hash in a sensitive variable.",
		"ephemeralasnull": "cogplan has no ephemeral values.",
		"pathexpand":      "It reads the environment to find the home directory. Write a path that starts at the module's directory.",
		"plantimestamp":   clock + " Pass the time in a variable.",
		"timestamp":       clock + " Pass the time in a variable.",
		"uuid":            random + " uuidv5() makes UUIDs from names.",
	}
}
