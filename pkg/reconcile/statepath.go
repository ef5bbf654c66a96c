package reconcile

import (
	"path/filepath"
	"strings"
)

const (
	stateDir  = ".cog"
	configDir = "config"
	stateFile = ".state.json"
	// emptyName stands for the empty address.
	emptyName = "%_"
	// moreMark ends a folder's name that goes on in the folder within it: file
	// systems allow 255 bytes.
	moreMark   = "%+"
	chunkBytes = 60
)

// StatePath is where the state of a resource type, or of an address, lies below
// root: <root>/.cog/config/<type>/.state.json.
//
// Lower case letters, digits, "_", "-" and "." stand for themselves; every other
// byte is "%" and two hex digits. So are a dot at either end, and the first
// letter of a name that Windows keeps for a device. Capitals are escaped because
// some file systems do not tell them apart. A name that gets too long goes on in
// a folder within. The path never leaves root, and no two addresses share one.
func StatePath(root, resourceType string) string {
	return filepath.Join(root, stateDir, configDir, filepath.FromSlash(addressFolder(resourceType)), stateFile)
}

// addressFolder is the folder of an address, with slashes.
func addressFolder(address string) string {
	if address == "" {
		return emptyName
	}
	var folder strings.Builder
	for len(address) > chunkBytes {
		folder.WriteString(escapeName(address[:chunkBytes]) + moreMark + "/")
		address = address[chunkBytes:]
	}
	folder.WriteString(escapeName(address))
	return folder.String()
}

// escapeName makes one name of a folder; at worst it is three times as long.
func escapeName(name string) string {
	const hex = "0123456789abcdef"
	device := isDevice(name)
	var escaped strings.Builder
	for i := range len(name) {
		c := name[i]
		edge := i == 0 || i == len(name)-1
		if plainByte(c) && !(c == '.' && edge) && !(device && i == 0) {
			escaped.WriteByte(c)
		} else {
			escaped.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return escaped.String()
}

func plainByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// isDevice reports whether Windows would open a device instead of the file.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	switch stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(stem) == 4 && (stem[:3] == "com" || stem[:3] == "lpt") && stem[3] >= '0' && stem[3] <= '9'
}

// folderAddress is the address of a folder, if the folder is one that
// addressFolder makes.
func folderAddress(folder string) (string, bool) {
	if folder == emptyName {
		return "", true
	}
	joined := strings.ReplaceAll(folder, moreMark+"/", "")
	var address strings.Builder
	for i := 0; i < len(joined); i++ {
		if joined[i] != '%' {
			address.WriteByte(joined[i])
			continue
		}
		if i+2 >= len(joined) {
			return "", false
		}
		high, low := unhex(joined[i+1]), unhex(joined[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		address.WriteByte(byte(high<<4 | low))
		i += 2
	}
	found := address.String()
	return found, addressFolder(found) == folder
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	default:
		return -1
	}
}
