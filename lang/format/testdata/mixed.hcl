variable "x" {
  type = "list"
 default = "${var.y}"
  a="${foo("x")}-b"
b = "${
  var.z
}"
d="${"x"}"
e = ["${var.a}", "${var.b + 1}"]
f={"${var.k}"="${var.v}"}
 g = <<EOT
  ${var.x}
  EOT
}
resource aws_x "y" {


  count   = "${length(var.x)}"
  provider = "aws.foo"
  depends_on = ["aws_x.z"]
  lifecycle {
    ignore_changes = ["tags"]
  }
  h = "${var.x}" // c
}




//  hi
#x
/* y */
block{}
variable "t" {
 type = "string"
}
variable "m" {
 type = "map"
}