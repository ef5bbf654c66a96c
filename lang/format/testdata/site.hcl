cogplan {
required_version = ">= 0.1"
  policy { paths = ["policy"] }   # beside the embedded one
state "file" {}
}
provider file {
source="file"
   allow {
     read  = ["./site" ,"./other"]
       write=[ "./out" ]
   }
}
locals {
  a = 1
  long_name = 2 # two
  b={x=1,y=2}
  c = [for x in range( 3 ):x if x>1 ]
  d = {for k,v in {} : k=>v...}
  e = true?1:2
  f = -1
  g = !true&&false||(1+2)*3%4>=5
  h = a.b[0].c["x"][*].d
  i = f(a , b...)
  j = <<-EOT
      hello ${ a }
        %{ if true }x%{ endif }
      EOT
  k = "a${ b }c"

  # a comment

  l = [
  1,   # one
      22,  // two
    /* three */ 3,
  ]
  m = {
    x = 1
    longer = {
      y = 2 }
    "quo ted" = 3
    (var.x) = 4
  }
  n = a == b ? (
    1
  ) : 2
}
resource "file" "site" {
  for_each=toset(["eu","us"])
  file "index.html" { content = templatefile("site/index.tpl", { domain = var.domain }) }
  dynamic "file" {
    for_each = {}
    content {
    content=file.value
    }
  }
}


output "x" { value = "${file.site["eu"].root}" }
