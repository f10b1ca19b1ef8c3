-- KEYS[1] partition base   ARGV owner, ttl
-- Reply: fencing number and cursor; 0 when somebody else holds the partition.
--@include channel
local key = KEYS[1] .. 'lease'
local now, lease = now_ms(), redis.call('HMGET', key, 'o', 't')
if lease[1] and lease[1] ~= ARGV[1] and tonumber(lease[2]) > now then return 0 end
local fence = redis.call('HINCRBY', key, 'f', 1)
redis.call('HSET', key, 'o', ARGV[1], 't', now + tonumber(ARGV[2]))
return { fence, redis.call('GET', KEYS[1] .. 'cursor') or '0-0' }
