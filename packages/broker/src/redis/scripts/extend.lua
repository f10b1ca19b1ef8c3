-- The database has messages of an ended epoch that Redis has lost: the epoch ends with them, unless its end is final already. A channel that
-- doesn't know the epoch, because Redis lost it as well, goes on after it.
-- KEYS[1] partition base   ARGV generation, ttl of ids in ms, epoch for a new channel, idle ttl, channel, epoch, last seq, then id and seq of
--         the messages behind the present end
-- The epoch does not take in a message that was published again meanwhile, by its own publisher, nor what follows it.
-- Reply: the last seq of the epoch; -1 when the partition has another generation, -2 when the channel has gone on without the epoch.
--@include channel
--@include generation
local base, generation, ttl, made, idle_ttl, channel, epoch, last =
  KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
if generation_of(base) ~= generation then return -1 end
local key, now = base .. 'c:' .. channel, now_ms()
local settled = redis.call('HGET', base .. 'meta', 'q') or ''
local is_settled = settled == generation
local state = redis.call('HMGET', key, 'e', 'p')
local ended = ended_epochs(state[2])

local function id_key(at)
  return base .. 'r:' .. channel .. '|' .. ARGV[at]
end

-- The last seq before a message that has another place by now.
local function last_of_here()
  for at = 8, #ARGV, 2 do
    local place = redis.call('GET', id_key(at))
    if place and place ~= epoch .. ' ' .. ARGV[at + 1] then return tonumber(ARGV[at + 1]) - 1 end
  end
  return last
end

local function remember_ids()
  for at = 8, #ARGV, 2 do
    if tonumber(ARGV[at + 1]) <= last then redis.call('SET', id_key(at), epoch .. ' ' .. ARGV[at + 1], 'PX', ttl) end
  end
  if now + ttl > tonumber(redis.call('HGET', base .. 'meta', 'x') or 0) then
    redis.call('HSET', base .. 'meta', 'x', string.format('%d', now + ttl))
  end
end

local function found()
  for _, one in ipairs(ended) do
    if one.epoch == epoch then return one end
  end
end

-- By age: others that Redis lost may be in the list already, and so is what began after all of them.
local function place_of(name)
  for at, other in ipairs(ended) do
    if other.epoch > name then return at end
  end
  return #ended + 1
end

local one = found()
last = last_of_here()
if one then
  if is_final(one, settled) or last <= one.last then return one.last end
  one.last = last
else
  local newest = ended[#ended]
  if is_settled or state[1] == epoch or (newest and is_final(newest, settled)) then return -2 end
  -- The list is full, and has forgotten it already.
  if #ended >= MAX_PREDECESSORS and epoch < ended[1].epoch then return -2 end
  if not state[1] then
    create_channel(base, channel, epoch_after(epoch, next_epoch(base, now, made)), now, generation)
    redis.call('PEXPIRE', key, idle_ttl)
  end
  table.insert(ended, place_of(epoch), { epoch = epoch, last = last, generation = generation, sealed = '' })
end
redis.call('HSET', key, 'p', text_of_ended(ended))
remember_ids()
return last
