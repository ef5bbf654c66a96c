# A rule of your own: what it says of a plan, the plan has to obey.
package main

# Nobody becomes an administrator unseen.
deny contains {"msg": msg, "remedy": "have the role given by hand"} if {
	some action in input.plan.actions
	action.details.after.role == "admin"
	msg := sprintf("%q would become an administrator", [action.name])
}
