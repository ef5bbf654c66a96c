variable "a" {
  type = list
}
variable "b" {
  type = "number"
}
variable "c" {
 type="${list}"
}
variable "d" {
 type=set
}
variable "e" {
 type="list(string)"
}
x {
 a = "${b +
 c}"
 d = "${/* hi */ b}"
 e = "${~ b ~}"
 h = "${a}" # c
 variable "t" {
 type = "string"
}
}
