-- KEYS[1] partition base   ARGV gateway, idle ttl, then channels
--@include channel
--@include occupancy
--@include interest
local base, gateway, idle_ttl = KEYS[1], ARGV[1], ARGV[2]
for at = 3, #ARGV do
  redis.call('SREM', base .. 'gi:' .. gateway, ARGV[at])
  remove_interest(base, gateway, ARGV[at], idle_ttl)
end
return 1
