local ffi, bit = require 'ffi', require 'bit'
local function hash(s) local h = 5381; for i = 1, #s do h = bit.bxor(bit.rol(h, 5), s:byte(i)) end return bit.tohex(h) end
local text = io.open('/suite/sources/input', 'rb'):read(100000)
print(hash(text), #text:gsub('%w+', ''))
local s = 0
for i = 1, 200000 do s = s + math.sin(i) * math.exp(math.cos(i)) / math.sqrt(i) + i % 7 - bit.band(i, 12) end
print(('%.17g'):format(s))
local t = {}
for i = 1, 20000 do t[i] = (i * 7919) % 20011 end
table.sort(t); print(t[1], t[10000], t[20000], hash(table.concat(t, ',')))
-- Traces that are left at their guards: integers that become doubles, nil, overflow.
local function add(a, b) return a + b end
local x = 2147483000
for i = 1, 2000 do x = add(x, i) end
print(x, pcall(add, 1, nil), pcall(add, {}, 2))
ffi.cdef 'typedef struct { double x; int32_t y; uint8_t z[3]; } item; int abs(int); size_t strlen(const char*);'
local items = ffi.new('item[1000]')
for i = 0, 999 do items[i].x = i / 3; items[i].y = -i * 100003; items[i].z[i % 3] = i end
local a, b = 0, 0
for i = 0, 999 do a = a + items[i].x; b = b + ffi.C.abs(items[i].y) + items[i].z[i % 3] end
print(('%.17g'):format(a), b, tonumber(ffi.C.strlen('twelve bytes')), 2ULL ^ 63, -1LL / 3, 0xffffffffffffffffULL % 10)
local co = coroutine.wrap(function(n) for i = 1, n do coroutine.yield(i * i) end error { code = 9 } end)
local sum = co(500)
for i = 2, 500 do sum = sum + co() end
print(sum, select(2, pcall(co)).code)
local function deep(n) return 1 + deep(n + 1) end
print((pcall(deep, 0)))
for word, n in ('alpha=1, beta=22, gamma=333'):gmatch '(%a+)=(%d+)' do io.write(word:upper():reverse(), n * 2, ' ') end print()
for i = 1, 300 do local g = {}; for j = 1, 300 do g[j] = { j, tostring(j) } end if i % 100 == 0 then collectgarbage() end end
print(collectgarbage 'count' > 0)
