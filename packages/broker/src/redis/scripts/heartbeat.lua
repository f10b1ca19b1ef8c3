-- A gateway says that it lives, and gives back what it has read. KEYS[1] partition base   ARGV gateway, id read up to
-- Reply: 0 when it was taken for dead and removed, or the data were lost.
--@include channel
local base, gateway = KEYS[1], ARGV[1]
if redis.call('HEXISTS', base .. 'gws', gateway) == 0 or redis.call('EXISTS', base .. 'g:' .. gateway) == 0 then return 0 end
redis.call('HSET', base .. 'gws', gateway, now_ms())
redis.call('XTRIM', base .. 'g:' .. gateway, 'MINID', ARGV[2])
return 1
