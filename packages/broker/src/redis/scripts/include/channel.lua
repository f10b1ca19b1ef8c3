-- A channel's state in its hash: e epoch, s last seq, i interested gateways (comma list, direct lane only), w id of the newest
-- route entry (present: routed lane), x when expiries were last set, g generation (see generation.lua).

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The epoch that a process has made, with the time of this server: the clocks of processes may be minutes apart, and the epochs of a
-- channel have to sort by age.
local function epoch_at(now, made)
  local digits = '0123456789abcdefghijklmnopqrstuvwxyz'
  local time, rest = '', now
  for _ = 1, 8 do
    local digit = rest % 36
    time = string.sub(digits, digit + 1, digit + 1) .. time
    rest = (rest - digit) / 36
  end
  return time .. string.sub(made, -4)
end

-- Makes the state of a channel that has none. What an expired predecessor left behind would clash with seq 1.
local function create_channel(base, channel, epoch, now, generation, gateway)
  redis.call('DEL', base .. 'h:' .. channel, base .. 'i:' .. channel)
  redis.call('SREM', base .. 'wide', channel)
  local fields = { 'e', epoch, 's', 0, 'x', now }
  if generation ~= '' then fields[7], fields[8] = 'g', generation end
  if gateway then fields[#fields + 1] = 'i' fields[#fields + 1] = gateway end
  redis.call('HSET', base .. 'c:' .. channel, unpack(fields))
end

-- Nothing was ever published on it, and nothing of it is left to be told: when nobody wants it, its state can go. Whoever subscribes to names must
-- leave no keys behind; its epoch is told by its time (lineage.ts).
local function is_empty(base, channel)
  local state = redis.call('HMGET', base .. 'c:' .. channel, 's', 'p', 'o', 'w')
  return tonumber(state[1] or 0) == 0 and (state[2] or '') == '' and tonumber(state[3] or 0) % 2 == 0 and not state[4]
end

local function split(list)
  local items = {}
  if list then
    for item in string.gmatch(list, '[^,]+') do items[#items + 1] = item end
  end
  return items
end
