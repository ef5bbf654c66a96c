package reconcile

import (
	"strconv"
	"strings"
)

// quotedList is names for an error message: "a", "b" or "none".
func quotedList(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none"
	}
	rest := 0
	if len(names) > most {
		rest = len(names) - most
		names = names[:most]
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	list := strings.Join(quoted, ", ")
	if rest > 0 {
		list += " and " + strconv.Itoa(rest) + " more"
	}
	return list
}
