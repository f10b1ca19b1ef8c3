-- A gateway says that it lives, and gives back what it has read. KEYS[1] partition base   ARGV gateway, id read up to
-- Reply: 0 when it was taken for dead and removed, or the data were lost, else 1; generation; generations that began with a loss.
--@include channel
local base, gateway = KEYS[1], ARGV[1]
local meta = redis.call('HMGET', base .. 'meta', 'g', 'ls')
local is_known = redis.call('HEXISTS', base .. 'gws', gateway) == 1 and redis.call('EXISTS', base .. 'g:' .. gateway) == 1
if is_known then
  redis.call('HSET', base .. 'gws', gateway, now_ms())
  redis.call('XTRIM', base .. 'g:' .. gateway, 'MINID', ARGV[2])
end
return { is_known and 1 or 0, meta[1] or '', meta[2] or '' }
