-- Puts a gateway into a partition and makes its feed. KEYS[1] partition base   ARGV gateway, id that its feed was read up to ('0-0': nothing)
-- Reply: id after which the feed is to be read, id of the mark of this registration. A feed that still has what was read is read on from there:
-- what is behind it can be had nowhere else.
--@include channel
local base, gateway, read_up_to = KEYS[1], ARGV[1], ARGV[2]
local key = base .. 'g:' .. gateway

local function has_entry_after()
  if read_up_to == '0-0' or redis.call('EXISTS', key) == 0 then return false end
  return #redis.call('XRANGE', key, '(' .. read_up_to, '+', 'COUNT', 1) > 0
end

redis.call('HSET', base .. 'gws', gateway, now_ms())
local goes_on = has_entry_after()
local mark = redis.call('XADD', key, '*', 'r', '1')
return { goes_on and read_up_to or mark, mark }
