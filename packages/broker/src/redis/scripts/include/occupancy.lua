-- Tells the log when the first gateway wants a channel and when the last one no longer does, while somebody wants to know: `occ` then
-- holds the bound of the log. `o` of the channel counts what was told, so odd means told as occupied: whatever could not be told, the
-- two alternate. Channels of the system are nobody's business.
local occupancy_bound

local function tells_occupancy(base)
  if occupancy_bound == nil then occupancy_bound = tonumber(redis.call('GET', base .. 'occ') or '') or false end
  return occupancy_bound and redis.call('XLEN', base .. 'log') < occupancy_bound
end

local function tell_occupancy(base, channel, epoch, told, event)
  if not tells_occupancy(base) then return end
  local app, name = string.match(channel, '^([^/]*)/([^#].*)$')
  if not app then return end
  local now, seq = now_ms(), told + 1
  redis.call('HSET', base .. 'c:' .. channel, 'o', seq)
  local place = app .. '/#channels.' .. name .. '\n' .. epoch .. ':' .. seq
  local time = string.format('%d', now)
  local header = '{"id":"o-' .. redis.sha1hex(place) .. '","timestamp":' .. time .. ',"event":"' .. event .. '"}'
  local payload = '{"name":"' .. name .. '","occurredAt":' .. time .. '}'
  redis.call('XADD', base .. 'log', '*', 'm', place .. '\n' .. header .. '\n' .. payload)
end

local function tell_occupied(base, channel, epoch, count)
  local told = tonumber(count or 0)
  if told % 2 == 0 then tell_occupancy(base, channel, epoch, told, 'channel.occupied') end
end

local function tell_vacated(base, channel)
  local state = redis.call('HMGET', base .. 'c:' .. channel, 'e', 'o')
  local told = tonumber(state[2] or 0)
  if told % 2 == 1 then tell_occupancy(base, channel, state[1], told, 'channel.vacated') end
end
