-- KEYS[1] partition base   ARGV owner, fence, ttl   Reply: 1 renewed, 0 lost.
--@include channel
--@include lease
if not holds_lease(KEYS[1], ARGV[1], ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1] .. 'lease', 't', now_ms() + tonumber(ARGV[3]))
return 1
