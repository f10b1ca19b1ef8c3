-- The ends of all epochs of this partition are compared with the database, and final from now on.
-- KEYS[1] partition base   ARGV generation, 1 when the database has messages that Redis lost
-- Reply: 0 when the partition has another generation.
--@include channel
--@include generation
local base, generation = KEYS[1], ARGV[1]
local meta = base .. 'meta'
if generation_of(base) ~= generation then return 0 end
if ARGV[2] == '1' then
  local lossy = redis.call('HGET', meta, 'ls') or ''
  if not string.find(',' .. lossy .. ',', ',' .. generation .. ',', 1, true) then
    redis.call('HSET', meta, 'ls', lossy == '' and generation or lossy .. ',' .. generation)
  end
end
redis.call('HSET', meta, 'q', generation)
return 1
