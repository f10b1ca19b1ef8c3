-- Tells the router, in the order of the messages, that the set of gateways of a wide channel changed.
local function announce_interest(base, channel)
  local id = redis.call('XADD', base .. 'route', '*', 'i', channel)
  redis.call('HSET', base .. 'c:' .. channel, 'w', id)
end

-- A channel without interest may expire: not before its history does, nor before idle_ttl.
local function let_expire(base, channel, idle_ttl)
  local history_ttl = redis.call('PTTL', base .. 'h:' .. channel)
  redis.call('PEXPIRE', base .. 'c:' .. channel, math.max(tonumber(idle_ttl), history_ttl))
end

local function forget_or_let_expire(base, channel, idle_ttl)
  if is_empty(base, channel) then redis.call('DEL', base .. 'c:' .. channel) else let_expire(base, channel, idle_ttl) end
end

local function remove_interest(base, gateway, channel, idle_ttl)
  local key = base .. 'c:' .. channel
  local state = redis.call('HMGET', key, 'i', 'w')
  if state[2] then
    if redis.call('SREM', base .. 'i:' .. channel, gateway) == 0 then return end
    announce_interest(base, channel)
    if redis.call('SCARD', base .. 'i:' .. channel) == 0 then
      tell_vacated(base, channel)
      let_expire(base, channel, idle_ttl)
    end
    return
  end
  local rest, found = {}, false
  for _, item in ipairs(split(state[1])) do
    if item == gateway then found = true else rest[#rest + 1] = item end
  end
  if not found then return end
  if #rest > 0 then
    redis.call('HSET', key, 'i', table.concat(rest, ','))
  else
    redis.call('HDEL', key, 'i')
    tell_vacated(base, channel)
    forget_or_let_expire(base, channel, idle_ttl)
  end
end

-- Takes a gateway out of the routing table, at most `count` channels per call. 1: all done, its feed is gone.
local function remove_gateway(base, gateway, count, idle_ttl)
  local wanted = base .. 'gi:' .. gateway
  for _, channel in ipairs(redis.call('SPOP', wanted, count)) do
    remove_interest(base, gateway, channel, idle_ttl)
  end
  if redis.call('EXISTS', wanted) == 1 then return 0 end
  redis.call('DEL', base .. 'g:' .. gateway)
  redis.call('HDEL', base .. 'gws', gateway)
  return 1
end
