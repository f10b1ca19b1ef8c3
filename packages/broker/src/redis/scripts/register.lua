-- Puts a gateway into a partition and makes its feed. KEYS[1] partition base   ARGV gateway
-- Reply: id after which the feed is to be read.
--@include channel
local base, gateway = KEYS[1], ARGV[1]
redis.call('HSET', base .. 'gws', gateway, now_ms())
return redis.call('XADD', base .. 'g:' .. gateway, '*', 'r', '1')
