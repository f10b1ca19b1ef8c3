-- A node says that it lives and what it offers, and asks which of the nodes that have its requests are gone.
-- KEYS[1] base of requests
-- ARGV node, ttl of keys, ms for which this one counts as alive, 1 when others may rely on this one, id up to which it has read,
--      number of methods, (method, capacity, open requests)..., nodes asked about...
-- Reply: {time of Redis in ms, id of the newest entry that its inbox has had, nodes that are gone...}
-- Long enough that everybody who has requests there has noticed.
local FORGET_MS = 60000
local base, node, ttl, stale = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nodes = base .. 'nodes'
local last = 6 + tonumber(ARGV[6]) * 3

local inbox, newest = base .. 'i:' .. node, '0-0'
if redis.call('EXISTS', inbox) == 1 then
  redis.call('PEXPIRE', inbox, ttl)
  local info = redis.call('XINFO', 'STREAM', inbox)
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then newest = info[at + 1] end
  end
end

if ARGV[4] == '1' then
  redis.call('HSET', nodes, node, now + stale)
  redis.call('PEXPIRE', nodes, ttl)
  local all = redis.call('HGETALL', nodes)
  for at = 1, #all, 2 do
    if now - tonumber(all[at + 1]) > FORGET_MS then redis.call('HDEL', nodes, all[at]) end
  end
  for at = 7, last, 3 do
    local offers, loads = base .. 'm:' .. ARGV[at], base .. 'w:' .. ARGV[at]
    redis.call('HSET', offers, node, ARGV[at + 1])
    -- What is unread is counted by those who wrote it: the node's own count is right when there is nothing.
    if newest == ARGV[5] then redis.call('HSET', loads, node, ARGV[at + 2]) end
    redis.call('PEXPIRE', offers, ttl)
    redis.call('PEXPIRE', loads, ttl)
    -- Those who died without a word.
    local others = redis.call('HKEYS', offers)
    for _, other in ipairs(others) do
      if redis.call('HEXISTS', nodes, other) == 0 then
        redis.call('HDEL', offers, other)
        redis.call('HDEL', loads, other)
      end
    end
  end
end

local reply = { now, newest }
for at = last + 1, #ARGV do
  local alive_until = redis.call('HGET', nodes, ARGV[at])
  if not alive_until or now >= tonumber(alive_until) then reply[#reply + 1] = ARGV[at] end
end
return reply
