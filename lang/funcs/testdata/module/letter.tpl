Dear ${name},
%{ for x in xs ~}
- ${x}
%{ endfor ~}
%{ if length(xs) > 1 }many%{ else }few%{ endif }
