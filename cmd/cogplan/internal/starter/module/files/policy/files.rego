# A rule of your own: what it says of a plan, the plan has to obey.
package main

# No file is named in capitals.
deny contains {"msg": msg, "remedy": "write the name in small letters"} if {
	some action in input.plan.actions
	action.action != "delete"
	action.resource_type == "file"
	action.name != lower(action.name)
	msg := sprintf("file %q has capitals in its name", [action.name])
}
