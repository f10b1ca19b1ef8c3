-- Hands a request to the live node that has the least to do for its capacity.
-- KEYS[1] base of requests
-- ARGV method, entry, longest inbox, most waiting beyond the capacity, ttl of an inbox,
--      random number of 0..1, nodes that are not to be asked...
-- Reply: the node; 0 when there is none, 1 when all have as much as they take.
local base, method, entry = KEYS[1], ARGV[1], ARGV[2]
local longest, waiting, ttl, random = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local excluded = {}
for at = 7, #ARGV do excluded[ARGV[at]] = true end

local offers = redis.call('HGETALL', base .. 'm:' .. method)
local busy, best, best_score = false, nil, nil
for at = 1, #offers, 2 do
  local node, capacity = offers[at], tonumber(offers[at + 1])
  local alive_until = not excluded[node] and redis.call('HGET', base .. 'nodes', node)
  if alive_until and now < tonumber(alive_until) then
    local load = math.max(0, tonumber(redis.call('HGET', base .. 'w:' .. method, node) or 0))
    -- Equals take turns by chance.
    local score = load / capacity + ((at * 0.618 + random) % 1) / 1000
    if load >= capacity + waiting or redis.call('XLEN', base .. 'i:' .. node) >= longest then
      busy = true
    elseif best == nil or score < best_score then
      best, best_score = node, score
    end
  end
end
if best == nil then return busy and 1 or 0 end
redis.call('HINCRBY', base .. 'w:' .. method, best, 1)
redis.call('PEXPIRE', base .. 'w:' .. method, ttl)
redis.call('XADD', base .. 'i:' .. best, '*', 'q', entry)
redis.call('PEXPIRE', base .. 'i:' .. best, ttl)
return best
