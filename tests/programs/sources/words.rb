require 'digest'
require 'zlib'
require 'json'
require 'bigdecimal'
text = File.binread('/suite/sources/input', 200_000)
puts Digest::SHA256.hexdigest(text), Digest::MD5.hexdigest(text), Digest::SHA512.hexdigest(text), Zlib.crc32(text), Zlib::Deflate.deflate(text, 9).bytesize
puts text.scan(/\b[a-z]{4,}\b/i).map(&:downcase).tally.sort_by { |word, count| [-count, word] }.first(20).inspect
puts (1..150).inject(:*) % (2**127 - 1), 3.pow(10**20, 10**18 + 9), Integer.sqrt(10**61), Rational(355, 113)**9, Complex(1.5, -2)**7
random = Random.new(9)
values = Array.new(20_000) { random.rand }
puts values.sum, values.sort[9_999], values.map { |v| Math.sin(v) * Math.exp(v) / Math.cbrt(v + 1) }.sum, Digest::MD5.hexdigest(values.pack('E*'))
fiber = Fiber.new { |x| 5.times { |i| x = Fiber.yield(x * i + 1) }; :done }
puts 6.times.map { |i| fiber.resume(i) }.inspect
def deep(n) = deep(n + 1)
begin; deep(0); rescue SystemStackError; puts 'deep'; end
puts [1, 'a', nil, 2.5].map { |v| Integer(v) rescue $!.class }.inspect
Point = Struct.new(:x, :y) { def +(o) = Point.new(x + o.x, y + o.y) }
puts (1..5000).reduce(Point.new(0, 0)) { |p, i| p + Point.new(i, -i) }.to_a.inspect
puts catch(:found) { 1000.times { |i| 1000.times { |j| throw :found, [i, j] if i * j == 86_020 } } }.inspect
count, mutex = 0, Mutex.new
4.times.map { Thread.new { 2000.times { mutex.synchronize { count += 1 } } } }.each(&:join)
puts count, ObjectSpace.each_object(Class).first.class, BigDecimal('2').sqrt(60).round(55).to_s
puts JSON.parse(JSON.generate(values.first(500))).sum, Process.wait2(fork { exit! 7 }).last.exitstatus
GC.stress = true; 20.times { 'x' * 100 + 'y' }; GC.stress = false
GC.compact rescue nil
puts Digest::SHA1.hexdigest((1..3000).map { |i| "#{i}:#{i * i}" }.shuffle(random: random).join)
