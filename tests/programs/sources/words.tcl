set f [open /suite/sources/input rb]; set text [read $f 100000]
puts [regexp -all {\m([a-z])\w*\1\M} $text]; puts [expr {2**200 % 1000003}] ; puts [expr {sin(1)*exp(2)+0.1+0.2}]
proc fib n { expr {$n < 2 ? $n : [fib [expr {$n-1}]] + [fib [expr {$n-2}]]} }; puts [fib 17]
set n 0; for {set i 0} {$i < 50000} {incr i} { set n [expr {($n * 31 + $i) % 1000003}]; dict incr d [expr {$n % 97}] }; puts "$n [dict size $d]"
puts [zlib crc32 $text]; puts [string length [zlib deflate $text 9]]; puts [catch {expr {1/0}} m]$m; puts [lrange [lsort -integer [dict values $d]] 0 10]
coroutine c apply {{} { yield; for {set i 0} {$i < 5} {incr i} { yield [expr {$i*$i}] } }}; puts "[c] [c] [c]"
proc deep n { deep [incr n] }; puts [catch {deep 0} m]; puts $m
puts [binary encode hex [binary format dfwIs 1.5 0.1 -2 3 4]]; puts [clock format 1000000000 -gmt 1 -format %c] 
