-- Places of messages by id, for repeats that the records of producers and keys don't know. Part of publish.lua, whose names it uses.

-- Where a message of this id is that was stored, or published again, after a loss: its publisher may repeat it without knowing.
local function place_of_id(channel, id)
  if now >= ids_until then return false end
  local place = redis.call('GET', base .. 'r:' .. channel .. '|' .. id)
  if not place then return false end
  return match(place, '^(%S+) (%S+)$')
end

local function remember_id(channel, id, epoch, seq, ttl)
  redis.call('SET', base .. 'r:' .. channel .. '|' .. id, epoch .. ' ' .. seq, 'PX', ttl)
  if now + ttl > ids_until then
    ids_until = now + ttl
    redis.call('HSET', base .. 'meta', 'x', text_of(ids_until))
  end
end
