# Take over files that are there already, without changing one. Try it in a copy of
# this folder that has a directory etc with some files in it:
#
#   cogplan export file.etc          # shows a file block for each of them
#   cogplan export -write file.etc   # writes the blocks into this file
#   cogplan plan                     # No changes
#   cogplan apply                    # from now on they are ours

provider "file" {
  source = "file"

  allow {
    write = ["./etc"]
  }
}

resource "file" "etc" {
  root = "./etc"
}
