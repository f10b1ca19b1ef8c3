-- KEYS[1] partition base   ARGV owner, fence
--@include lease
if not holds_lease(KEYS[1], ARGV[1], ARGV[2]) then return 0 end
redis.call('HDEL', KEYS[1] .. 'lease', 'o', 't')
return 1
