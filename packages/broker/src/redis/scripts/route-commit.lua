-- Moves a partition's cursor after its messages were forwarded. KEYS[1] partition base   ARGV owner, fence, entry id
-- Reply: 0 when the lease has passed to somebody else.
--@include lease
local base = KEYS[1]
if not holds_lease(base, ARGV[1], ARGV[2]) then return 0 end
redis.call('SET', base .. 'cursor', ARGV[3])
redis.call('XTRIM', base .. 'route', 'MINID', ARGV[3])
return 1
