-- A channel's state in its hash: e epoch, s last seq, i interested gateways (comma list, direct lane only), w id of the newest
-- route entry (present: routed lane), x when expiries were last set, g generation (see generation.lua).

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Makes the state of a channel that has none. What an expired predecessor left behind would clash with seq 1.
local function create_channel(base, channel, epoch, now, generation)
  redis.call('DEL', base .. 'h:' .. channel, base .. 'i:' .. channel)
  redis.call('SREM', base .. 'wide', channel)
  redis.call('HSET', base .. 'c:' .. channel, 'e', epoch, 's', 0, 'x', now)
  if generation ~= '' then redis.call('HSET', base .. 'c:' .. channel, 'g', generation) end
end

local function split(list)
  local items = {}
  if list then
    for item in string.gmatch(list, '[^,]+') do items[#items + 1] = item end
  end
  return items
end
