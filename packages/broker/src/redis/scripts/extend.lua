-- The database has messages of an ended epoch that Redis has lost: the epoch ends with them, unless its end is final already.
-- KEYS[1] partition base   ARGV generation, ttl of ids in ms, channel, epoch, last seq, then id and seq of the messages behind the present end
-- Reply: the last seq of the epoch; -1 when the partition has another generation, -2 when the channel doesn't know the epoch.
--@include channel
--@include generation
local base, generation, ttl, channel, epoch, last = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
if generation_of(base) ~= generation then return -1 end
local key = base .. 'c:' .. channel
local is_settled = redis.call('HGET', base .. 'meta', 'q') == generation
local ended = ended_epochs(redis.call('HGET', key, 'p'))
for _, one in ipairs(ended) do
  if one.epoch == epoch then
    if one.sealed == '!' or is_settled or last <= one.last then return one.last end
    one.last = last
    redis.call('HSET', key, 'p', text_of_ended(ended))
    for at = 6, #ARGV, 2 do
      redis.call('SET', base .. 'r:' .. channel .. '|' .. ARGV[at], epoch .. ' ' .. ARGV[at + 1], 'PX', ttl)
    end
    local until_ms = now_ms() + ttl
    if until_ms > tonumber(redis.call('HGET', base .. 'meta', 'x') or 0) then
      redis.call('HSET', base .. 'meta', 'x', string.format('%d', until_ms))
    end
    return last
  end
end
return -2
