-- A process that connects to a Redis it doesn't know yet says what it has seen of a partition. When that is more than Redis had at the
-- start of this run, accepted messages are lost: the partition gets a new generation, and with it every channel a new epoch.
-- KEYS[1] partition base   ARGV identity of this run, highest write count seen, gateway or '' for others, id that the feed was read
--         up to, milliseconds to wait for other gateways, latest epoch seen or ''
-- Reply   generation, write count at the start of this run, 1 when other gateways have not yet said what they have seen
--@include channel
--@include generation
--@include lease

local base = KEYS[1]
local run, seen, gateway, read_up_to, patience = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local latest_epoch = ARGV[6]
local meta, attested, now = base .. 'meta', base .. 'attested', now_ms()

local function begin_run()
  local count = redis.call('HGET', meta, 'n') or '0'
  redis.call('HSET', meta, 'r', run, 'b', count, 'c', count, 't', now)
  redis.call('DEL', attested)
end

local function feed_is_behind()
  local key = base .. 'g:' .. gateway
  if gateway == '' or redis.call('EXISTS', key) == 0 then return false end
  local info = redis.call('XINFO', 'STREAM', key)
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then return is_after(read_up_to, info[at + 1]) end
  end
  return false
end

-- `c`: what Redis is known to have had, after the losses that are dealt with.
local function lose(count)
  redis.call('HSET', meta, 'g', now, 'c', math.max(count, seen), 'n', math.max(tonumber(redis.call('HGET', meta, 'n') or 0), seen))
end

local function others_are_awaited(began)
  if now - began > patience then return 0 end
  local gateways = redis.call('HGETALL', base .. 'gws')
  for at = 1, #gateways, 2 do
    if now - tonumber(gateways[at + 1]) < patience and redis.call('HEXISTS', attested, gateways[at]) == 0 then return 1 end
  end
  return 0
end

if redis.call('HGET', meta, 'r') ~= run then begin_run() end
if latest_epoch > (redis.call('HGET', meta, 'f') or '') then redis.call('HSET', meta, 'f', latest_epoch) end
local state = redis.call('HMGET', meta, 'b', 'c', 't')
if gateway == '' or redis.call('HEXISTS', attested, gateway) == 0 then
  local count = tonumber(state[2])
  if seen > count or feed_is_behind() then lose(count) end
  if gateway ~= '' then redis.call('HSET', attested, gateway, 1) end
end
return { generation_of(base), tonumber(state[1]), others_are_awaited(tonumber(state[3])) }
